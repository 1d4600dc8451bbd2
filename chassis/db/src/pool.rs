//! Connection pool of one module: first come, first served; a connection returns to the pool only in a known state.
//!
//! The same pool serves the writer of a SQLite file (a pool of one), the readers of the file, and Postgres. sqlx's own
//! pool pings every returned connection, cannot tell a clean connection from one with an abandoned statement, and fails a
//! call to which the server refuses a connection.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use offshoot_contract::{Backoff, CallFailure, Occupancy};
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::connection::Connection;
use crate::error_code::is_server_full;
use crate::failure;
use crate::places::{Place, Places};
use crate::pool_state::{IdleConnection, PoolState, calls_of};
use crate::pool_use::PoolUse;
use crate::postgres::PostgresServer;
use crate::sqlite::SqliteFile;
use crate::statement::Engine;

/// Idle time after which a Postgres connection is closed: each connection costs the server a process.
const IDLE_MAX: Duration = Duration::from_secs(60);
/// Interval between two checks for idle connections.
const IDLE_CHECK: Duration = Duration::from_secs(15);
/// Idle time after which a Postgres connection is tested before use: a firewall may have forgotten the connection and
/// drop its packets. A busy pool has no connection that is idle for so long.
const UNTESTED_MAX: Duration = Duration::from_secs(1);
/// Timeout of the test. Shorter than a readiness check, so that a new connection is opened within the same check.
const TEST_TIMEOUT: Duration = Duration::from_millis(300);
/// Pauses between attempts to open a connection after the server refused one. An attempt costs the server a process.
const REGAIN: Backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(5));
/// Timeout of such an attempt.
const REGAIN_TIMEOUT: Duration = Duration::from_secs(5);
/// Timeout of a rollback. After the timeout the connection is closed, which rolls back too.
const ROLL_BACK_MAX: Duration = Duration::from_secs(10);
/// Timeout of a rollback on Postgres, where closing costs less than a place that a dead connection keeps.
const POSTGRES_ROLL_BACK_MAX: Duration = Duration::from_secs(1);
/// Time for which [`Pool::close`] waits for connections in use.
const CLOSE_MAX: Duration = Duration::from_secs(10);

/// Opens the connections of a pool.
pub(crate) enum ConnectionSource {
    Sqlite(SqliteFile),
    Postgres(PostgresServer),
}

impl ConnectionSource {
    fn engine(&self) -> Engine {
        match self {
            ConnectionSource::Sqlite(_) => Engine::Sqlite,
            ConnectionSource::Postgres(_) => Engine::Postgres,
        }
    }

    async fn connect(&self) -> Result<Connection, sqlx::Error> {
        match self {
            ConnectionSource::Sqlite(file) => file.connect().await.map(Connection::Sqlite),
            ConnectionSource::Postgres(server) => server.connect().await.map(Connection::Postgres),
        }
    }
}

/// Purpose of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Calls and background work, in the order of their requests.
    Calls,
    /// Heartbeats, leases and readiness, ahead of all calls that wait.
    Upkeep,
}

/// Connections to the database of one module.
pub(crate) struct Pool {
    module: &'static str,
    source: ConnectionSource,
    /// Places of calls: one fewer than `places`, so that upkeep finds a connection. With one connection in all, calls wait
    /// here, and upkeep waits at most for the call that has the connection.
    calls: Arc<Places>,
    /// One place for each connection.
    places: Arc<Places>,
    state: Mutex<PoolState>,
    /// Callers that wait for a place.
    waiting: Occupancy,
}

impl Pool {
    /// Creates a pool of at most `size` connections, each opened on demand. Of several, one is kept for upkeep.
    pub(crate) fn new(module: &'static str, source: ConnectionSource, size: u32) -> Arc<Self> {
        let closes_idle = source.engine() == Engine::Postgres;
        let pool = Arc::new(Self {
            module,
            source,
            calls: Places::new(calls_of(size)),
            places: Places::new(size),
            state: Mutex::new(PoolState::new(size)),
            waiting: Occupancy::default(),
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
        pool.state().open += 1;
        pool.return_connection(first);
        pool
    }

    /// Waits for a connection until `deadline`.
    pub(crate) async fn acquire(
        self: &Arc<Self>,
        lane: Lane,
        deadline: Instant,
    ) -> Result<PooledConnection, CallFailure> {
        // `timeout_at` polls its future first and would hand a free connection to a call whose deadline has passed.
        if Instant::now() >= deadline {
            return Err(failure::deadline_passed(self.module));
        }
        let turn = match lane {
            Lane::Calls => Some(self.take_place(&self.calls, deadline).await?),
            Lane::Upkeep => None,
        };
        let mut pooled = self.take_connection(deadline).await?;
        pooled.turn = turn;
        Ok(pooled)
    }

    /// Waits for an idle connection, or opens one.
    async fn take_connection(self: &Arc<Self>, deadline: Instant) -> Result<PooledConnection, CallFailure> {
        loop {
            let place = self.take_place(&self.places, deadline).await?;
            let idle = self.state().idle.pop();
            let untested = idle.as_ref().is_some_and(|idle| self.is_untested(idle));
            let mut pooled = PooledConnection {
                reused: idle.is_some(),
                connection: idle.map(|idle| idle.connection),
                state: ConnectionState::Clean,
                pool: Arc::clone(self),
                place: Some(place),
                turn: None,
            };
            if untested {
                pooled.test(deadline).await;
            }
            if pooled.connection.is_some() || pooled.connect(deadline).await? {
                return Ok(pooled);
            }
        }
    }

    async fn take_place(&self, places: &Arc<Places>, deadline: Instant) -> Result<Place, CallFailure> {
        let _waiting = self.waiting.enter();
        match timeout_at(deadline, places.take()).await {
            Ok(Ok(place)) => Ok(place),
            Ok(Err(_)) => Err(failure::pool_closed(self.module)),
            Err(_) => {
                let state = self.state();
                Err(match state.granted {
                    Some(granted) => failure::connections_refused(self.module, granted),
                    None => failure::pool_exhausted(self.module, self.source.engine(), calls_of(state.size)),
                })
            }
        }
    }

    /// `host:port` of the server; none on SQLite.
    pub(crate) fn postgres_host(&self) -> Option<String> {
        match &self.source {
            ConnectionSource::Sqlite(_) => None,
            ConnectionSource::Postgres(server) => Some(server.host()),
        }
    }

    fn is_untested(&self, idle: &IdleConnection) -> bool {
        self.source.engine() == Engine::Postgres && idle.since.elapsed() >= UNTESTED_MAX
    }

    /// Changes the number of connections. Connections in use beyond the number are closed when they return.
    pub(crate) fn set_size(&self, size: u32) {
        self.state().size = size;
        self.apply_size();
    }

    fn apply_size(&self) {
        let mut state = self.state();
        self.places.resize(state.places());
        self.calls.resize(calls_of(state.places()));
        let surplus = state.take_surplus();
        drop(state);
        close_all(surplus);
    }

    /// Goes on with the open connections after the server refused another one, and asks for more in the background.
    fn shrink_to_open(self: &Arc<Self>) {
        let was_short = {
            let mut state = self.state();
            let open = state.open;
            state.granted.replace(open).is_some()
        };
        self.apply_size();
        if !was_short {
            tracing::warn!(
                module = self.module,
                connections = self.state().open,
                "the database server refuses further connections; calls share those that are open"
            );
            tokio::spawn(regain(Arc::downgrade(self)));
        }
    }

    fn opened(&self) {
        let mut state = self.state();
        state.open += 1;
        let open = state.open;
        let has_grown = state.granted.as_mut().is_some_and(|granted| {
            let grows = *granted < open;
            *granted = open.max(*granted);
            grows
        });
        drop(state);
        if has_grown {
            self.apply_size();
        }
    }

    fn closed(&self) {
        self.state().open -= 1;
    }

    /// Drops all idle connections: the server has probably lost them.
    fn drop_idle(&self) {
        let lost = self.state().take_all();
        // Dropped, not closed: a farewell on a dead connection could wait for long.
        drop(lost);
    }

    /// Stops handing out connections, waits for connections in use, and closes all connections.
    pub(crate) async fn close(&self) {
        self.places.close(CLOSE_MAX).await;
        self.calls.close(Duration::ZERO).await;
        let idle = self.state().take_all();
        for idle in idle {
            idle.connection.close().await;
        }
    }

    fn state(&self) -> MutexGuard<'_, PoolState> {
        // Nothing can panic halfway through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Use of the pool at this moment.
    pub(crate) fn usage(&self, pool: &'static str) -> PoolUse {
        let state = self.state();
        let idle = u32::try_from(state.idle.len()).unwrap_or(u32::MAX);
        PoolUse {
            pool,
            size: state.places(),
            in_use: state.open.saturating_sub(idle),
            idle,
            waiting: self.waiting.count(),
        }
    }

    fn return_connection(&self, connection: Connection) {
        let mut state = self.state();
        if self.places.is_closed() || state.open > state.places() {
            state.open -= 1;
            drop(state);
            drop(connection);
            return;
        }
        state.add_idle(connection);
    }
}

fn close_all(idle: Vec<IdleConnection>) {
    // Without a runtime the connections are dropped, which closes them too.
    if let (false, Ok(runtime)) = (idle.is_empty(), Handle::try_current()) {
        runtime.spawn(async move {
            for idle in idle {
                idle.connection.close().await;
            }
        });
    }
}

/// Closes connections that were idle for too long, until the pool is dropped.
async fn close_idle(pool: Weak<Pool>) {
    loop {
        sleep(IDLE_CHECK).await;
        let Some(pool) = pool.upgrade() else { return };
        let mut state = pool.state();
        let fresh = state.idle.iter().position(|idle| idle.since.elapsed() < IDLE_MAX);
        let old = fresh.unwrap_or(state.idle.len());
        let old = state.take_oldest(old);
        drop(state);
        close_all(old);
    }
}

/// Opens one connection after the other as the server gives them, until the pool has its size again or is dropped.
async fn regain(pool: Weak<Pool>) {
    let mut backoff = REGAIN;
    loop {
        sleep(backoff.next_scattered_pause()).await;
        let Some(pool) = pool.upgrade().filter(|pool| !pool.places.is_closed()) else {
            return;
        };
        let attempt = timeout(REGAIN_TIMEOUT, pool.source.connect()).await;
        let mut state = pool.state();
        match attempt {
            Ok(Ok(connection)) => {
                backoff = REGAIN;
                state.open += 1;
                state.add_idle(connection);
                state.granted = state.granted.map(|granted| granted + 1);
            }
            Ok(Err(error)) if is_server_full(&error) => {}
            // The server is down, and each call may find out at once.
            _ => state.granted = None,
        }
        let is_short = state.granted.is_some_and(|granted| granted < state.size);
        if !is_short {
            state.granted = None;
        }
        drop(state);
        pool.apply_size();
        if !is_short {
            tracing::info!(
                module = pool.module,
                "the database server refuses no connections any more"
            );
            return;
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
    /// Given back before `turn`, so that upkeep that waits for the place comes before the next call.
    place: Option<Place>,
    /// The place among the calls; none for upkeep.
    turn: Option<Place>,
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
        self.drop_stale();
        if !self.connect(deadline).await? {
            let mut other = self.pool.take_connection(deadline).await?;
            self.connection = other.connection.take();
            self.place = other.place.take();
            self.reused = other.reused;
        }
        Ok(())
    }

    /// Drops the connection and all idle ones if the server does not answer.
    async fn test(&mut self, deadline: Instant) {
        let until = deadline.min(Instant::now() + TEST_TIMEOUT);
        self.state = ConnectionState::Unknown;
        let answer = timeout_at(until, self.connection().ping()).await;
        self.state = ConnectionState::Clean;
        if !matches!(answer, Ok(Ok(()))) {
            self.drop_stale();
        }
    }

    fn drop_stale(&mut self) {
        if self.connection.take().is_some() {
            self.pool.closed();
        }
        self.pool.drop_idle();
    }

    /// Opens a connection. `false` if the server refuses another one: the place is gone then.
    async fn connect(&mut self, deadline: Instant) -> Result<bool, CallFailure> {
        let module = self.pool.module;
        match timeout_at(deadline, self.pool.source.connect()).await {
            Ok(Ok(connection)) => {
                self.pool.opened();
                self.connection = Some(connection);
                self.reused = false;
                Ok(true)
            }
            Ok(Err(error)) if is_server_full(&error) => {
                self.pool.shrink_to_open();
                self.place = None;
                Ok(false)
            }
            Ok(Err(error)) => Err(failure::cannot_connect(module, error)),
            Err(_) => Err(failure::connect_timed_out(module)),
        }
    }
}

impl Drop for PooledConnection {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else {
            return;
        };
        match self.state {
            ConnectionState::Clean => self.pool.return_connection(connection),
            // The connection is dropped and thereby closed: the server notices, and no later user gets the connection.
            ConnectionState::Unknown if connection.engine() == Engine::Postgres => {
                drop(connection);
                self.pool.closed();
            }
            // A statement of SQLite is not ended by closing: the thread would compute on, beyond the limit of the pool.
            ConnectionState::Unknown | ConnectionState::InTransaction => {
                // Without a runtime the connection is dropped, which rolls back.
                let Ok(runtime) = Handle::try_current() else {
                    self.pool.closed();
                    return;
                };
                let (pool, place, turn) = (Arc::clone(&self.pool), self.place.take(), self.turn.take());
                let limit = match connection.engine() {
                    Engine::Sqlite => ROLL_BACK_MAX,
                    Engine::Postgres => POSTGRES_ROLL_BACK_MAX,
                };
                runtime.spawn(async move {
                    match timeout(limit, connection.roll_back()).await {
                        Ok(Ok(())) => pool.return_connection(connection),
                        _ => {
                            drop(connection);
                            pool.closed();
                        }
                    }
                    drop(place);
                    drop(turn);
                });
            }
        }
    }
}
