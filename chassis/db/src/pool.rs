//! The connections of one module: lent first come, first served, and taken back only in a known state.
//!
//! One mechanism for the writer of a SQLite file (a pool of one), its readers, and Postgres. A pool of sqlx would ping
//! every connection that comes back, and cannot tell one whose statement was abandoned from a clean one.

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

/// An idle connection to Postgres is closed after this long: it costs the server a process.
const IDLE_MAX: Duration = Duration::from_secs(60);
/// How often idle connections are looked at.
const IDLE_CHECK: Duration = Duration::from_secs(15);
/// How long a rollback may take before the connection is closed instead, which rolls back too.
const ROLL_BACK_MAX: Duration = Duration::from_secs(10);
/// How long closing waits for connections that are still lent.
const CLOSE_MAX: Duration = Duration::from_secs(10);

/// Where a pool's connections come from.
pub(crate) enum Source {
    Sqlite(SqliteFile),
    Postgres(PostgresServer),
}

impl Source {
    async fn connect(&self) -> Result<Connection, sqlx::Error> {
        match self {
            Source::Sqlite(file) => file.connect().await.map(Connection::Sqlite),
            Source::Postgres(server) => server.connect().await.map(Connection::Postgres),
        }
    }
}

pub(crate) struct Pool {
    module: &'static str,
    source: Source,
    size: u32,
    /// Fair: tokio's semaphore serves in the order of asking.
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<Idle>>,
}

struct Idle {
    connection: Connection,
    since: Instant,
}

impl Pool {
    /// A pool of at most `size` connections, opened as they are needed.
    pub(crate) fn new(module: &'static str, source: Source, size: u32) -> Arc<Self> {
        let closes_idle = matches!(source, Source::Postgres(_));
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

    /// The same, with one connection opened already.
    pub(crate) fn with(module: &'static str, source: Source, size: u32, first: Connection) -> Arc<Self> {
        let pool = Self::new(module, source, size);
        pool.take_back(first);
        pool
    }

    /// Waits in line for a connection until `deadline`.
    pub(crate) async fn acquire(self: &Arc<Self>, deadline: Instant) -> Result<Lease, CallFailure> {
        // A timer looks at its future first, and a free connection would be lent to a call that is over.
        if Instant::now() >= deadline {
            return Err(failure::deadline_passed(self.module));
        }
        let permit = match timeout_at(deadline, Arc::clone(&self.permits).acquire_owned()).await {
            Ok(Ok(permit)) => permit,
            Ok(Err(_)) => return Err(failure::closed(self.module)),
            Err(_) => return Err(failure::all_in_use(self.module, self.size)),
        };
        let idle = self.idle().pop().map(|idle| idle.connection);
        let mut lease = Lease {
            reused: idle.is_some(),
            connection: idle,
            state: State::Clean,
            pool: Arc::clone(self),
            permit: Some(permit),
        };
        if lease.connection.is_none() {
            lease.connect(deadline).await?;
        }
        Ok(lease)
    }

    /// Lends no more, waits for what is lent, and closes everything.
    pub(crate) async fn close(&self) {
        let all = timeout(CLOSE_MAX, self.permits.acquire_many(self.size)).await;
        self.permits.close();
        drop(all);
        let idle = std::mem::take(&mut *self.idle());
        for idle in idle {
            idle.connection.close().await;
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        // Nothing can panic halfway through a push or a pop.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_back(&self, connection: Connection) {
        if !self.permits.is_closed() {
            let since = Instant::now();
            self.idle().push(Idle { connection, since });
        }
    }
}

/// Closes what has been idle for too long, as long as the pool is there.
async fn close_idle(pool: Weak<Pool>) {
    loop {
        tokio::time::sleep(IDLE_CHECK).await;
        let Some(pool) = pool.upgrade() else { return };
        let old = {
            let mut idle = pool.idle();
            // The last one back is the first one lent, so the front is the oldest.
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

/// A connection on loan. Dropping it gives it back if its state is known, after a rollback if a transaction is open.
pub(crate) struct Lease {
    connection: Option<Connection>,
    reused: bool,
    state: State,
    pool: Arc<Pool>,
    permit: Option<OwnedSemaphorePermit>,
}

/// What is known about a lent connection.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Nothing runs, nothing is open.
    Clean,
    /// A transaction may be open, a statement may be running in it.
    InTransaction,
    /// A statement may be running, or the connection is broken.
    Unknown,
}

impl Lease {
    pub(crate) fn connection(&mut self) -> &mut Connection {
        self.connection
            .as_mut()
            .expect("a lease holds its connection from `acquire` until it is dropped")
    }

    pub(crate) fn set(&mut self, state: State) {
        self.state = state;
    }

    /// Whether the connection was opened for someone before, so that it may have gone stale.
    pub(crate) fn is_reused(&self) -> bool {
        self.reused
    }

    /// Puts a new connection in place of a stale one. What else is idle is as old and goes too.
    pub(crate) async fn replace(&mut self, deadline: Instant) -> Result<(), CallFailure> {
        self.connection = None;
        self.pool.idle().clear();
        self.connect(deadline).await
    }

    async fn connect(&mut self, deadline: Instant) -> Result<(), CallFailure> {
        let module = self.pool.module;
        let connection = match timeout_at(deadline, self.pool.source.connect()).await {
            Ok(Ok(connection)) => connection,
            Ok(Err(error)) => return Err(failure::no_connection(module, error)),
            Err(_) => return Err(failure::connecting_too_slow(module)),
        };
        self.connection = Some(connection);
        self.reused = false;
        Ok(())
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let (Some(mut connection), Some(permit)) = (self.connection.take(), self.permit.take()) else {
            return;
        };
        match self.state {
            State::Clean => self.pool.take_back(connection),
            // Closed: the engine rolls back and nobody inherits what is left of it.
            State::Unknown => {}
            State::InTransaction => {
                // Without a runtime, dropping the connection rolls back.
                let Ok(runtime) = Handle::try_current() else { return };
                let pool = Arc::clone(&self.pool);
                runtime.spawn(async move {
                    if let Ok(Ok(())) = timeout(ROLL_BACK_MAX, connection.roll_back()).await {
                        pool.take_back(connection);
                    }
                    drop(permit);
                });
            }
        }
    }
}
