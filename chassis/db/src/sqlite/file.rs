//! Opening the file of one module, for its writer or for a reader.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{Connection, Executor};

use crate::sqlite::alarm::{Alarm, STEPS_PER_LOOK};

/// How long SQLite itself waits for a lock before we do. The writer polls on its own, so this is only a net for the
/// rare short locks of recovery and checkpoints.
const WRITER_BUSY: Duration = Duration::from_millis(5);
/// A reader of a WAL file never waits for the writer, only for recovery after a crash.
const READER_BUSY: Duration = Duration::from_secs(1);

/// A module's file and how it is opened.
#[derive(Clone)]
pub(crate) struct SqliteFile {
    pub(crate) path: PathBuf,
    /// Reader connections cannot write, whatever statement they are given.
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

    pub(crate) async fn connect(&self) -> Result<SqliteLink, sqlx::Error> {
        let options = SqliteConnectOptions::new()
            .filename(&self.path)
            .foreign_keys(true)
            // Without it, a row removed by REPLACE fires no delete trigger.
            .pragma("recursive_triggers", "ON");
        let options = if self.read_only {
            options.read_only(true).busy_timeout(READER_BUSY)
        } else {
            options
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
                // A committed transaction survives the loss of power.
                .synchronous(SqliteSynchronous::Full)
                .busy_timeout(WRITER_BUSY)
        };
        SqliteLink::watched(SqliteConnection::connect_with(&options).await?).await
    }
}

/// A SQLite connection whose statements end at a deadline.
pub(crate) struct SqliteLink {
    connection: SqliteConnection,
    alarm: Arc<Alarm>,
}

impl SqliteLink {
    async fn watched(mut connection: SqliteConnection) -> Result<Self, sqlx::Error> {
        let alarm = Arc::new(Alarm::off());
        let watch = Arc::clone(&alarm);
        connection
            .lock_handle()
            .await?
            .set_progress_handler(STEPS_PER_LOOK, move || !watch.rings());
        Ok(Self { connection, alarm })
    }

    pub(crate) fn connection(&mut self) -> &mut SqliteConnection {
        &mut self.connection
    }

    pub(crate) fn alarm(&self) -> &Alarm {
        &self.alarm
    }

    /// Interrupts a statement whose caller has gone away, waits until it has ended, and rolls back.
    pub(crate) async fn roll_back(&mut self) -> Result<(), sqlx::Error> {
        self.alarm.ring();
        self.connection.ping().await?;
        self.alarm.clear();
        match self.connection.execute("ROLLBACK").await {
            // The statement that was interrupted was the BEGIN, or the COMMIT had gone through.
            Err(sqlx::Error::Database(error)) if error.message().contains("no transaction is active") => Ok(()),
            result => result.map(drop),
        }
    }

    pub(crate) async fn close(self) -> Result<(), sqlx::Error> {
        self.connection.close().await
    }
}
