//! Locks of Postgres tables that a migration waits for: how long, and the sessions that hold them, as another connection sees
//! these sessions.

use std::convert::Infallible;
use std::future::{Future, pending};
use std::time::Duration;

use offshoot_contract::Backoff;
use sqlx::postgres::PgConnection;
use tokio::time::sleep;

use crate::postgres::PostgresServer;

/// Longest wait of a migration for the lock of a Postgres table. Postgres queues every later reader and writer of the table
/// behind a waiting migration, so this is also their longest wait.
pub(crate) const TABLE_LOCK_TIMEOUT: Duration = Duration::from_millis(200);
/// Pauses in which readers and writers of the table go on, before the migration tries again.
pub(crate) const TABLE_LOCK_RETRY: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));

/// Number of sessions that a message names.
const NAMED_SESSIONS: i64 = 5;

/// The holders seen so far, for the message of a migration that gets no lock.
pub(crate) struct LockHolders<'a> {
    /// `None` on SQLite, which has no table locks.
    server: Option<&'a PostgresServer>,
    /// Process id of the migrator's session.
    migrator: i32,
    observer: Option<PgConnection>,
    seen: Option<String>,
}

impl<'a> LockHolders<'a> {
    pub(crate) fn none() -> Self {
        Self {
            server: None,
            migrator: 0,
            observer: None,
            seen: None,
        }
    }

    pub(crate) async fn of(server: &'a PostgresServer, migrator: &mut PgConnection) -> Result<Self, sqlx::Error> {
        let id = sqlx::query_scalar("SELECT pg_backend_pid()")
            .fetch_one(migrator)
            .await?;
        Ok(Self {
            server: Some(server),
            migrator: id,
            ..Self::none()
        })
    }

    /// Awaits `attempt`, and looks for holders while the attempt waits for a lock: afterwards there is no trace of them.
    pub(crate) async fn observe<T>(&mut self, attempt: impl Future<Output = T>) -> T {
        let looking = async {
            sleep(TABLE_LOCK_TIMEOUT / 2).await;
            self.look().await;
            pending::<Infallible>().await
        };
        tokio::select! {
            done = attempt => done,
            never = looking => match never {},
        }
    }

    /// Holders for a message.
    pub(crate) fn describe(&self) -> &str {
        self.seen.as_deref().unwrap_or("sessions that this login cannot see")
    }

    async fn look(&mut self) {
        let Some(server) = self.server else { return };
        // Taken out, so that a connection with an abandoned query is dropped.
        let observer = match self.observer.take() {
            Some(observer) => Ok(observer),
            None => server.connect().await,
        };
        let Ok(mut observer) = observer else { return };
        let sessions: Result<Vec<(String,)>, _> = sqlx::query_as(
            "SELECT format('process %s of `%s`', s.pid, s.usename) || coalesce(nullif(', `' || s.application_name || '`', ', ``'), '') \
                 || coalesce(', ' || s.state, '') \
                 || coalesce(', for ' || CAST(extract(epoch FROM clock_timestamp() - s.xact_start) AS bigint) || ' s', '') \
             FROM pg_stat_activity s WHERE s.pid = ANY(pg_blocking_pids($1)) ORDER BY s.xact_start, s.pid LIMIT $2",
        )
        .bind(self.migrator)
        .bind(NAMED_SESSIONS)
        .fetch_all(&mut observer)
        .await;
        // Without an answer, the message names nobody.
        let Ok(sessions) = sessions else { return };
        if !sessions.is_empty() {
            let sessions: Vec<_> = sessions.into_iter().map(|(session,)| session).collect();
            self.seen = Some(sessions.join("; "));
        }
        self.observer = Some(observer);
    }
}
