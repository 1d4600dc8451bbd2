//! Connection pool of one module: first come, first served; a connection returns to the pool only in a known state.
//!
//! The same pool serves the writer of a SQLite file (a pool of one), the readers of the file, and Postgres. sqlx's own
//! pool pings every returned connection and cannot tell a clean connection from one with an abandoned statement.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use offshoot_contract::CallFailure;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};

use crate::connection::Connection;
use crate::failure;
use crate::postgres::PostgresServer;
use crate::sqlite::SqliteFile;
use crate::statement::Engine;

/// Idle time after which a Postgres connection is closed: each connection costs the server a process.
const IDLE_MAX: Duration = Duration::from_secs(60);
/// Interval between two checks for idle connections.
const IDLE_CHECK: Duration = Duration::from_secs(15);
/// Timeout of a rollback. After the timeout the connection is closed, which rolls back too.
const ROLL_BACK_MAX: Duration = Duration::from_secs(10);
/// Time for which [`Pool::close`] waits for connections in use.
const CLOSE_MAX: Duration = Duration::from_secs(10);

/// Opens the connections of a pool.
pub(crate) enum ConnectionSource {
    Sqlite(SqliteFile),
    Postgres(PostgresServer),
}

impl ConnectionSource {
    async fn connect(&self) -> Result<Connection, sqlx::Error> {
        match self {
            ConnectionSource::Sqlite(file) => file.connect().await.map(Connection::Sqlite),
            ConnectionSource::Postgres(server) => server.connect().await.map(Connection::Postgres),
        }
    }
}

/// Connections to the database of one module.
pub(crate) struct Pool {
    module: &'static str,
    source: ConnectionSource,
    size: u32,
    /// Fair: tokio's semaphore serves waiters in the order of their requests.
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<IdleConnection>>,
}

struct IdleConnection {
    connection: Connection,
    since: Instant,
}

impl Pool {
    /// Creates a pool of at most `size` connections, each opened on demand.
    pub(crate) fn new(module: &'static str, source: ConnectionSource, size: u32) -> Arc<Self> {
        let closes_idle = matches!(source, ConnectionSource::Postgres(_));
        let pool = Arc::new(Self {
            module,
            source,
            size,
            permits: Arc::new(Semaphore::new(size as usize)),
            idle: Mutex::default(),
        });
        if closes_idle {
            tokio::spawn(close_idle(Arc::downgrade(&pool)));
        }
        pool
    }

    /// Creates a pool that starts with one open connection.
    pub(crate) fn with_connection(
        module: &'static str,
        source: ConnectionSource,
        size: u32,
        first: Connection,
    ) -> Arc<Self> {
        let pool = Self::new(module, source, size);
        pool.return_connection(first);
        pool
    }

    /// Waits for a connection until `deadline`.
    pub(crate) async fn acquire(self: &Arc<Self>, deadline: Instant) -> Result<PooledConnection, CallFailure> {
        // `timeout_at` polls its future first and would hand a free connection to a call whose deadline has passed.
        if Instant::now() >= deadline {
            return Err(failure::deadline_passed(self.module));
        }
        let permit = match timeout_at(deadline, Arc::clone(&self.permits).acquire_owned()).await {
            Ok(Ok(permit)) => permit,
            Ok(Err(_)) => return Err(failure::pool_closed(self.module)),
            Err(_) => return Err(failure::pool_exhausted(self.module, self.size)),
        };
        let idle = self.idle().pop().map(|idle| idle.connection);
        let mut pooled = PooledConnection {
            reused: idle.is_some(),
            connection: idle,
            state: ConnectionState::Clean,
            pool: Arc::clone(self),
            permit: Some(permit),
        };
        if pooled.connection.is_none() {
            pooled.connect(deadline).await?;
        }
        Ok(pooled)
    }

    /// Stops handing out connections, waits for connections in use, and closes all connections.
    pub(crate) async fn close(&self) {
        let all = timeout(CLOSE_MAX, self.permits.acquire_many(self.size)).await;
        self.permits.close();
        drop(all);
        let idle = std::mem::take(&mut *self.idle());
        for idle in idle {
            idle.connection.close().await;
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<IdleConnection>> {
        // Nothing can panic halfway through a push or a pop.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn return_connection(&self, connection: Connection) {
        if !self.permits.is_closed() {
            let since = Instant::now();
            self.idle().push(IdleConnection { connection, since });
        }
    }
}

/// Closes connections that were idle for too long, until the pool is dropped.
async fn close_idle(pool: Weak<Pool>) {
    loop {
        tokio::time::sleep(IDLE_CHECK).await;
        let Some(pool) = pool.upgrade() else { return };
        let old = {
            let mut idle = pool.idle();
            // The idle list is a stack, so the connection at the front has been idle longest.
            let fresh = idle
                .iter()
                .position(|idle| idle.since.elapsed() < IDLE_MAX)
                .unwrap_or(idle.len());
            idle.drain(..fresh).collect::<Vec<_>>()
        };
        for idle in old {
            idle.connection.close().await;
        }
    }
}

/// A connection taken from the pool. Drop returns the connection if its state is known, after a rollback if a
/// transaction is open.
pub(crate) struct PooledConnection {
    connection: Option<Connection>,
    reused: bool,
    state: ConnectionState,
    pool: Arc<Pool>,
    permit: Option<OwnedSemaphorePermit>,
}

/// Known state of a connection in use.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConnectionState {
    /// No statement runs, and no transaction is open.
    Clean,
    /// A transaction may be open, and a statement may be running in the transaction.
    InTransaction,
    /// A statement may be running, or the connection is broken.
    Unknown,
}

impl PooledConnection {
    pub(crate) fn connection(&mut self) -> &mut Connection {
        self.connection
            .as_mut()
            .expect("a pooled connection is present from `acquire` until drop")
    }

    pub(crate) fn set_state(&mut self, state: ConnectionState) {
        self.state = state;
    }

    /// Whether the connection was in the pool before and may have gone stale.
    pub(crate) fn is_reused(&self) -> bool {
        self.reused
    }

    /// Replaces a stale connection. The other idle connections are probably stale too and are dropped.
    pub(crate) async fn reconnect(&mut self, deadline: Instant) -> Result<(), CallFailure> {
        self.connection = None;
        self.pool.idle().clear();
        self.connect(deadline).await
    }

    async fn connect(&mut self, deadline: Instant) -> Result<(), CallFailure> {
        let module = self.pool.module;
        let connection = match timeout_at(deadline, self.pool.source.connect()).await {
            Ok(Ok(connection)) => connection,
            Ok(Err(error)) => return Err(failure::cannot_connect(module, error)),
            Err(_) => return Err(failure::connect_timed_out(module)),
        };
        self.connection = Some(connection);
        self.reused = false;
        Ok(())
    }
}

impl Drop for PooledConnection {
    fn drop(&mut self) {
        let (Some(mut connection), Some(permit)) = (self.connection.take(), self.permit.take()) else {
            return;
        };
        match self.state {
            ConnectionState::Clean => self.pool.return_connection(connection),
            // The connection is dropped and thereby closed: the server notices, and no later user gets the connection.
            ConnectionState::Unknown if connection.engine() == Engine::Postgres => {}
            // A statement of SQLite is not ended by closing: the thread would compute on, beyond the limit of the pool.
            ConnectionState::Unknown | ConnectionState::InTransaction => {
                // Without a runtime the connection is dropped, which rolls back.
                let Ok(runtime) = Handle::try_current() else { return };
                let pool = Arc::clone(&self.pool);
                runtime.spawn(async move {
                    if let Ok(Ok(())) = timeout(ROLL_BACK_MAX, connection.roll_back()).await {
                        pool.return_connection(connection);
                    }
                    drop(permit);
                });
            }
        }
    }
}
