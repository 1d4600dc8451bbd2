//! State of one connection: which part of a request it is in, and since when.

use std::net::IpAddr;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};
use std::sync::atomic::{AtomicU8, AtomicU64};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::limits::ListenerLimits;

/// Part of a request that a connection is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Phase {
    /// No byte of a next request has arrived.
    Idle,
    /// The head is arriving.
    Head,
    /// The head is complete, the body is arriving.
    Body,
    /// The request is complete and being executed.
    Executing,
    /// The response is being written.
    Responding,
    /// The connection makes room for another one.
    Closing,
}

impl Phase {
    const ALL: [Self; 6] = [
        Self::Idle,
        Self::Head,
        Self::Body,
        Self::Executing,
        Self::Responding,
        Self::Closing,
    ];
}

/// One open connection.
#[derive(Debug)]
pub(crate) struct Connection {
    peer: IpAddr,
    /// Beyond the limit: answers health checks only.
    is_reserved: bool,
    phase: AtomicU8,
    /// When the phase began, by [`clock::now`].
    since: AtomicU64,
    closed: CancellationToken,
}

impl Connection {
    pub(crate) fn new(peer: IpAddr, is_reserved: bool) -> Self {
        Self {
            peer,
            is_reserved,
            phase: AtomicU8::new(Phase::Idle as u8),
            since: AtomicU64::new(clock::now()),
            closed: CancellationToken::new(),
        }
    }

    pub(crate) fn peer(&self) -> IpAddr {
        self.peer
    }

    pub(crate) fn is_reserved(&self) -> bool {
        self.is_reserved
    }

    pub(crate) fn phase(&self) -> Phase {
        Phase::ALL[usize::from(self.phase.load(Acquire))]
    }

    /// Begins a phase. False if the connection is being closed: nothing may be executed any more.
    pub(crate) fn enter(&self, phase: Phase) -> bool {
        self.change(|now| now != Phase::Closing, phase)
    }

    /// Moves on if the connection is still in phase `from`.
    pub(crate) fn advance(&self, from: Phase, to: Phase) {
        self.change(|now| now == from, to);
    }

    /// Ends the connection if its phase allows so. Between this decision and the end, no request is executed.
    pub(crate) fn close_if(&self, allowed: impl Fn(Phase) -> bool) {
        if self.change(allowed, Phase::Closing) {
            self.closed.cancel();
        }
    }

    pub(crate) async fn closed(&self) {
        self.closed.cancelled().await;
    }

    /// When the phase began. `None` while a request is executed: such a connection is never closed for another one.
    pub(crate) fn waits_since(&self) -> Option<u64> {
        (self.phase() != Phase::Executing).then(|| self.since.load(Relaxed))
    }

    fn change(&self, allowed: impl Fn(Phase) -> bool, to: Phase) -> bool {
        let next = |now: u8| allowed(Phase::ALL[usize::from(now)]).then_some(to as u8);
        let changed = self.phase.fetch_update(AcqRel, Acquire, next).is_ok();
        if changed {
            self.since.store(clock::now(), Relaxed);
        }
        changed
    }

    /// When a read without data fails, or in the other phases, when to look again: the phase may end without a read. The
    /// body has a deadline of its own, that of its request.
    pub(crate) fn read_deadline(&self, limits: &ListenerLimits) -> ReadDeadline {
        let since = |limit| clock::deadline(self.since.load(Relaxed), limit);
        match self.phase() {
            Phase::Idle => ReadDeadline::Fail(since(limits.idle)),
            Phase::Head => ReadDeadline::Fail(since(limits.head)),
            Phase::Body | Phase::Executing | Phase::Responding | Phase::Closing => {
                ReadDeadline::LookAgain(Instant::now() + limits.idle)
            }
        }
    }
}

/// The end of a read without data.
pub(crate) enum ReadDeadline {
    Fail(Instant),
    LookAgain(Instant),
}
