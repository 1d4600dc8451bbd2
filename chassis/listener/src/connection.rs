//! State of one connection: the part of a request that the connection is in, and the time since.

use std::net::IpAddr;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64};

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
    /// A request has been received completely at least once.
    has_begun: AtomicBool,
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
            has_begun: AtomicBool::new(false),
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

    /// Whether nothing is owed to the client: a request is arriving, or none has ever arrived. The response of an earlier
    /// request may still be on the way to an idle client.
    pub(crate) fn is_incomplete(&self, phase: Phase) -> bool {
        match phase {
            Phase::Head | Phase::Body => true,
            Phase::Idle => !self.has_begun.load(Relaxed),
            Phase::Executing | Phase::Responding | Phase::Closing => false,
        }
    }

    /// Begins a phase. False if the connection is being closed: nothing may be executed any more.
    pub(crate) fn enter(&self, phase: Phase) -> bool {
        if phase == Phase::Responding {
            self.has_begun.store(true, Relaxed);
        }
        self.change(|now| now != Phase::Closing, phase)
    }

    /// Moves on if the connection is still in phase `from`.
    pub(crate) fn advance(&self, from: Phase, to: Phase) {
        self.change(|now| now == from, to);
    }

    /// Ends the connection if the phase allows so. Between this decision and the end, no request is executed.
    pub(crate) fn close_if(&self, allowed: impl Fn(Phase) -> bool) -> bool {
        let is_closed = self.change(allowed, Phase::Closing);
        if is_closed {
            self.closed.cancel();
        }
        is_closed
    }

    pub(crate) async fn closed(&self) {
        self.closed.cancelled().await;
    }

    /// When the phase began. `None` while a request is executed: such a connection is never closed for another one.
    pub(crate) fn waits_since(&self) -> Option<u64> {
        (!matches!(self.phase(), Phase::Executing | Phase::Closing)).then(|| self.since.load(Relaxed))
    }

    fn change(&self, allowed: impl Fn(Phase) -> bool, to: Phase) -> bool {
        let next = |now: u8| allowed(Phase::ALL[usize::from(now)]).then_some(to as u8);
        let changed = self.phase.fetch_update(AcqRel, Acquire, next).is_ok();
        if changed {
            self.since.store(clock::now(), Relaxed);
        }
        changed
    }

    /// When a read without data fails. `None` in the other phases; the body has the deadline of the request.
    pub(crate) fn read_deadline(&self, limits: &ListenerLimits) -> Option<Instant> {
        let since = |limit| clock::deadline(self.since.load(Relaxed), limit);
        match self.phase() {
            Phase::Idle => Some(since(limits.idle)),
            Phase::Head => Some(since(limits.head)),
            Phase::Body | Phase::Executing | Phase::Responding | Phase::Closing => None,
        }
    }
}
