//! Connections of a pool: how many are open, idle and wanted. Pure bookkeeping; the pool opens, lends and closes them.

use tokio::time::Instant;

use crate::connection::Connection;

/// Connections of a pool, and their wanted number.
pub(crate) struct PoolState {
    pub(crate) idle: Vec<IdleConnection>,
    /// Open connections, idle or in use.
    pub(crate) open: u32,
    /// Wanted number of connections.
    pub(crate) size: u32,
    /// Number of connections that the server gives, after a refusal.
    pub(crate) granted: Option<u32>,
}

/// An open connection that nobody uses.
pub(crate) struct IdleConnection {
    pub(crate) connection: Connection,
    pub(crate) since: Instant,
}

impl PoolState {
    /// A pool without open connections.
    pub(crate) fn new(size: u32) -> Self {
        Self {
            idle: Vec::new(),
            open: 0,
            size,
            granted: None,
        }
    }

    /// Connections that may be open.
    pub(crate) fn places(&self) -> u32 {
        self.granted.map_or(self.size, |granted| granted.min(self.size))
    }

    /// Removes idle connections beyond the places, the oldest first, and returns them.
    pub(crate) fn take_surplus(&mut self) -> Vec<IdleConnection> {
        let surplus = self.open.saturating_sub(self.places()) as usize;
        self.take_oldest(surplus.min(self.idle.len()))
    }

    /// Removes all idle connections, and returns them.
    pub(crate) fn take_all(&mut self) -> Vec<IdleConnection> {
        self.take_oldest(self.idle.len())
    }

    /// The idle list is a stack, so the connection at the front has been idle longest.
    pub(crate) fn take_oldest(&mut self, count: usize) -> Vec<IdleConnection> {
        let taken: Vec<_> = self.idle.drain(..count).collect();
        self.open -= u32::try_from(taken.len()).unwrap_or(self.open);
        taken
    }

    /// Adds an idle connection, which the next user gets.
    pub(crate) fn add_idle(&mut self, connection: Connection) {
        let since = Instant::now();
        self.idle.push(IdleConnection { connection, since });
    }
}

/// Places of calls in a pool of `size` connections.
pub(crate) fn calls_of(size: u32) -> u32 {
    size.saturating_sub(1).max(1)
}
