//! Mark of a restore that has not ended: no process opens such data, because a part of the data may be missing.
//!
//! A restore sets the mark before the first change and removes the mark after the last one. A process looks for the mark twice:
//! before opening a file, so that none is created, and afterwards. A restore looks for processes after the mark is set. So one
//! of the two sees the other, however they interleave. The mark holds the command that finishes the restore.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use sqlx::Connection as _;
use sqlx::postgres::PgConnection;

use crate::open_error::OpenError;
use crate::postgres::{PostgresServer, SessionRole};
use crate::url::DatabaseUrl;

/// On SQLite, the file beside a module's data whose text is the command.
#[must_use]
pub fn restore_mark_file(directory: &Path, module: &str) -> PathBuf {
    directory.join(format!("{module}.restoring"))
}

/// On Postgres, the empty schema beside a module's schema whose comment is the command. Everybody can read a comment.
#[must_use]
pub fn restore_mark_schema(module: &str) -> String {
    format!("{module}_restoring")
}

/// Fails if a restore of the module's file has not ended.
pub(crate) fn require_restored_file(directory: &Path, module: &'static str) -> Result<(), OpenError> {
    let mark = restore_mark_file(directory, module);
    match fs::read_to_string(&mark) {
        Ok(command) => Err(OpenError::HalfRestored {
            module,
            location: directory.display().to_string(),
            command: command.trim_end().to_owned(),
        }),
        // Something else in place of the directory has no mark either, and is reported when the data is opened.
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(()),
        Err(cause) => Err(OpenError::UnreadableMark { path: mark, cause }),
    }
}

/// Fails if a restore of the module's schema has not ended.
pub(crate) async fn require_restored_schema(
    connection: &mut PgConnection,
    module: &'static str,
    address: &str,
) -> Result<(), OpenError> {
    let mark = sqlx::query_as(
        "SELECT coalesce(obj_description(oid, 'pg_namespace'), '') FROM pg_namespace WHERE nspname = $1",
    )
    .persistent(false)
    .bind(restore_mark_schema(module))
    .fetch_optional(connection);
    let found: Option<(String,)> = mark.await.map_err(|cause| OpenError::Failed {
        operation: format!("looking for an unfinished restore of {module} at {address}"),
        cause,
    })?;
    match found {
        None => Ok(()),
        Some((command,)) => Err(OpenError::HalfRestored {
            module,
            location: address.to_owned(),
            command,
        }),
    }
}

/// Fails if a restore of the module's data has not ended.
pub async fn require_restored(module: &'static str, url: &DatabaseUrl) -> Result<(), OpenError> {
    match url {
        DatabaseUrl::Sqlite(directory) => require_restored_file(directory, module),
        DatabaseUrl::Postgres(login) => {
            let server = PostgresServer::new(login, module, SessionRole::Login);
            let connected = server.connect().await;
            let mut connection = connected.map_err(|cause| server.explain_connect_error(cause))?;
            require_restored_schema(&mut connection, module, &server.address()).await?;
            // The answer is there; an error of closing changes nothing.
            let _ = connection.close().await;
            Ok(())
        }
    }
}
