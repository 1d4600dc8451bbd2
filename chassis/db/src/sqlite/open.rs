//! Opens a module's SQLite file when a process starts: creates a missing directory and file, waits for locks, and maps
//! errors to remedies.

use std::path::Path;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::error_code::is_busy;
use crate::open_error::OpenError;
use crate::sqlite::{InterruptibleConnection, SqliteFile};

/// Pause between two attempts to open a locked file. A lock that prevents opening lasts for seconds.
const RETRY: Duration = Duration::from_millis(20);

/// Opens the file for its writer. Creates the directory and the file if they are missing.
pub(crate) async fn open_or_create(
    directory: &Path,
    file: &SqliteFile,
    lock_timeout: Duration,
) -> Result<InterruptibleConnection, OpenError> {
    tokio::fs::create_dir_all(directory)
        .await
        .map_err(|cause| OpenError::Directory {
            path: directory.to_owned(),
            cause,
        })?;
    open_when_unlocked(file, lock_timeout).await
}

/// Opens the file, and waits while another process changes the journal mode or recovers the file.
pub(crate) async fn open_when_unlocked(
    file: &SqliteFile,
    lock_timeout: Duration,
) -> Result<InterruptibleConnection, OpenError> {
    let give_up = Instant::now() + lock_timeout;
    loop {
        match file.connect().await {
            Ok(connection) => return Ok(connection),
            Err(error) if is_busy(&error) && Instant::now() < give_up => sleep(RETRY).await,
            Err(error) => return Err(OpenError::from_file_error(&file.path, lock_timeout, error)),
        }
    }
}
