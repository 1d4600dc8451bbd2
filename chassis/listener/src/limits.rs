//! Limits of a listening socket.

use std::time::Duration;

/// Limits of one listening socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenerLimits {
    /// Open connections of all peers.
    pub connections: usize,
    /// Open connections of one peer: an IPv4 address, or an IPv6 network of 64 bits.
    pub connections_per_peer: usize,
    /// Longest wait for the next request of an idle connection. Longer than contract clients keep idle connections.
    pub idle: Duration,
    /// Longest time from the first byte of a request to the end of the head.
    pub head: Duration,
    /// Longest time without progress of a response that the client does not read.
    pub write: Duration,
    /// How long idle connections are still served once the socket accepts no others: a request may be on its way.
    pub linger: Duration,
    /// How long a request that has not arrived completely may still arrive after that.
    pub arrival: Duration,
}

impl Default for ListenerLimits {
    fn default() -> Self {
        Self {
            connections: MAX_CONNECTIONS,
            connections_per_peer: MAX_CONNECTIONS_PER_PEER,
            idle: IDLE_TIMEOUT,
            head: HEAD_TIMEOUT,
            write: WRITE_TIMEOUT,
            linger: CLOSE_LINGER,
            arrival: ARRIVAL_GRACE,
        }
    }
}

/// Default limit on open connections.
const MAX_CONNECTIONS: usize = 4_096;
/// Default limit on open connections of one peer.
const MAX_CONNECTIONS_PER_PEER: usize = 1_024;
/// Connections beyond the limit of all peers while all others execute requests. Only health checks are answered on them.
pub(crate) const RESERVED_CONNECTIONS: usize = 16;
/// Default time limit of an idle connection.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// Default time limit of a request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Default time limit of a write without progress.
const WRITE_TIMEOUT: Duration = Duration::from_secs(20);
/// Default time for which idle connections outlive the socket.
const CLOSE_LINGER: Duration = Duration::from_millis(250);
/// Pause between two looks whether all connections have ended.
pub(crate) const LINGER_POLL: Duration = Duration::from_millis(10);
/// Time limit of the TLS handshake.
pub(crate) const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Largest head of a request, and largest buffer of a connection. Also bounds the memory of all connections together.
pub(crate) const MAX_BUFFER_BYTES: usize = 32 << 10;
/// Pause after an accept that failed because no file descriptor was left.
pub(crate) const ACCEPT_PAUSE: Duration = Duration::from_millis(20);
/// Pause between two log lines about the same shortage.
pub(crate) const LOG_PAUSE: Duration = Duration::from_secs(60);
/// Default time for which a request that has not arrived completely may still arrive once the socket closes.
const ARRIVAL_GRACE: Duration = Duration::from_secs(1);
/// First bytes of a body that count in no budget. Most bodies have no more.
pub(crate) const UNCOUNTED_BODY_BYTES: usize = 4 << 10;
/// Bodies that are read to their end at the same time although the budget of bodies is taken.
pub(crate) const BODIES_BEYOND_BUDGET: usize = 8;
/// File descriptors kept for databases, logs, and connections to other processes.
pub(crate) const RESERVED_DESCRIPTORS: u64 = 256;
