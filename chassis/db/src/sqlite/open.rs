//! Opening a module's file for the first time in a process: makes what is missing, waits for who holds it, and says
//! clearly what is wrong.

use std::path::Path;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::OpenError;
use crate::connection::Connection;
use crate::failure::is_busy;
use crate::sqlite::SqliteFile;

/// How long to wait before trying a locked file again. Whoever locks it against opening is at it for seconds.
const RETRY: Duration = Duration::from_millis(20);

/// Opens the file for its writer, and makes it and its directory if they are missing.
pub(crate) async fn open_file(
    directory: &Path,
    file: &SqliteFile,
    patience: Duration,
) -> Result<Connection, OpenError> {
    tokio::fs::create_dir_all(directory)
        .await
        .map_err(|cause| OpenError::Directory {
            path: directory.to_owned(),
            cause,
        })?;
    open_existing(file, patience).await
}

/// Opens the file, waiting while another process changes its journal mode or recovers it.
pub(crate) async fn open_existing(file: &SqliteFile, patience: Duration) -> Result<Connection, OpenError> {
    let give_up = Instant::now() + patience;
    loop {
        match file.connect().await {
            Ok(link) => return Ok(Connection::Sqlite(link)),
            Err(error) if is_busy(&error) && Instant::now() < give_up => sleep(RETRY).await,
            Err(error) => return Err(OpenError::of_file(&file.path, patience, error)),
        }
    }
}
