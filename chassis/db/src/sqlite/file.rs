//! SQLite file of one module, and its connections: one writer and any number of readers.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{Connection, Executor};

use crate::sqlite::deadline::{STEPS_PER_CHECK, StatementDeadline};

/// Time for which SQLite itself waits on a writer connection. `begin_transaction` polls for the write lock, so this
/// timeout only covers the rare short locks of recovery and checkpoints.
const WRITER_BUSY: Duration = Duration::from_millis(5);
/// Time for which SQLite itself waits on a reader connection. A reader of a WAL file never waits for the writer, only for
/// recovery after a crash.
const READER_BUSY: Duration = Duration::from_secs(1);

/// A module's file and its open mode.
#[derive(Clone)]
pub(crate) struct SqliteFile {
    pub(crate) path: PathBuf,
    /// A read-only connection rejects every write.
    pub(crate) read_only: bool,
}

impl SqliteFile {
    pub(crate) fn of_module(directory: &Path, module: &str) -> Self {
        Self {
            path: directory.join(format!("{module}.db")),
            read_only: false,
        }
    }

    pub(crate) fn for_readers(&self) -> Self {
        Self {
            read_only: true,
            ..self.clone()
        }
    }

    pub(crate) async fn connect(&self) -> Result<InterruptibleConnection, sqlx::Error> {
        let options = SqliteConnectOptions::new()
            .filename(&self.path)
            .foreign_keys(true)
            // Without `recursive_triggers`, a row deleted by REPLACE fires no delete trigger.
            .pragma("recursive_triggers", "ON");
        let options = if self.read_only {
            options.read_only(true).busy_timeout(READER_BUSY)
        } else {
            options
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
                // A committed transaction survives a power failure.
                .synchronous(SqliteSynchronous::Full)
                .busy_timeout(WRITER_BUSY)
        };
        InterruptibleConnection::new(SqliteConnection::connect_with(&options).await?).await
    }
}

/// A SQLite connection that interrupts statements at a deadline.
pub(crate) struct InterruptibleConnection {
    connection: SqliteConnection,
    deadline: Arc<StatementDeadline>,
}

impl InterruptibleConnection {
    async fn new(mut connection: SqliteConnection) -> Result<Self, sqlx::Error> {
        let deadline = Arc::new(StatementDeadline::unlimited());
        let checked = Arc::clone(&deadline);
        connection
            .lock_handle()
            .await?
            .set_progress_handler(STEPS_PER_CHECK, move || !checked.has_passed());
        Ok(Self { connection, deadline })
    }

    pub(crate) fn connection(&mut self) -> &mut SqliteConnection {
        &mut self.connection
    }

    pub(crate) fn deadline(&self) -> &StatementDeadline {
        &self.deadline
    }

    /// Interrupts a running statement, waits for its end, and rolls back.
    pub(crate) async fn roll_back(&mut self) -> Result<(), sqlx::Error> {
        self.deadline.expire();
        self.connection.ping().await?;
        self.deadline.clear();
        match self.connection.execute("ROLLBACK").await {
            // The interrupted statement was the BEGIN, or the COMMIT had already succeeded.
            Err(sqlx::Error::Database(error)) if error.message().contains("no transaction is active") => Ok(()),
            result => result.map(drop),
        }
    }

    pub(crate) async fn close(self) -> Result<(), sqlx::Error> {
        self.connection.close().await
    }
}
