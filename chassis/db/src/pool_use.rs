//! Use of a module's connection pools at this moment, for metrics.

/// Use of one pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolUse {
    /// `postgres` for all connections of a module to Postgres, `writer` and `readers` for those to a SQLite file.
    pub pool: &'static str,
    /// Largest number of connections.
    pub size: u32,
    /// Connections in use.
    pub in_use: u32,
    /// Open connections that nobody uses.
    pub idle: u32,
    /// Callers that wait for a connection. For the pool `writer`, this is the queue of writes of the file.
    pub waiting: u32,
}
