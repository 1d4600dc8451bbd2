//! Creates a backup while the store keeps serving.

use std::path::Path;

use offshoot_contract::{Clock, Timestamp};
use offshoot_db::{DatabaseUrl, Engine, require_restored};

use crate::connection::{Connection, database_error};
use crate::error::BackupError;
use crate::manifest::{Manifest, ModuleBackup};
use crate::positions::Positions;
use crate::{ModuleData, Progress, files, postgres, sqlite};

/// Options of [`create_backup`].
#[derive(Debug, Clone, Default)]
pub struct CreateOptions {
    /// Names of the modules to back up; all if empty.
    pub modules: Vec<String>,
    /// Version of the binary, recorded in the manifest.
    pub store_version: String,
}

/// Creates a backup of `hosted` in `directory`. `hosted` must list callers before callees.
///
/// A callee's snapshot is taken after the caller's, so every effect that the caller's snapshot relies on is in the
/// callee's snapshot too. On Postgres all snapshots are pinned at the start, within moments; on SQLite each snapshot is
/// taken when the module's file is copied. On failure the written files are removed.
pub async fn create_backup(
    hosted: &[ModuleData],
    directory: &Path,
    options: &CreateOptions,
    clock: &dyn Clock,
    progress: Progress<'_>,
) -> Result<Manifest, BackupError> {
    let is_chosen =
        |data: &&ModuleData| options.modules.is_empty() || options.modules.iter().any(|name| name == data.name());
    let chosen: Vec<_> = hosted.iter().filter(is_chosen).collect();
    let made = files::claim_directory(directory)?;
    let taken = take_snapshots(&chosen, directory, options, clock, progress).await;
    if taken.is_err() {
        files::discard_backup(directory, made);
    }
    taken
}

async fn take_snapshots(
    chosen: &[&ModuleData],
    directory: &Path,
    options: &CreateOptions,
    clock: &dyn Clock,
    progress: Progress<'_>,
) -> Result<Manifest, BackupError> {
    let created_at = clock.now();
    let mut open = Vec::new();
    for data in chosen {
        require_restored(data.name(), &data.url).await?;
        let mut connection = Connection::open_data(data).await?.ok_or_else(|| BackupError::NoData {
            module: data.name().to_owned(),
            location: data.url.to_string(),
        })?;
        let taken_at = clock.now();
        if connection.engine() == Engine::Postgres {
            let pinned = postgres::pin_snapshot(&mut connection).await;
            pinned.map_err(|cause| database_error(data, "pinning a snapshot", cause))?;
        }
        open.push((*data, connection, taken_at));
    }
    let mut modules = Vec::new();
    for (data, mut connection, pinned_at) in open {
        let taken_at = match &data.url {
            DatabaseUrl::Postgres(_) => pinned_at,
            DatabaseUrl::Sqlite(_) => clock.now(),
        };
        let backup = back_up_module(data, &mut connection, taken_at, directory, progress).await?;
        // A failure to close changes nothing: the backup needs only the files on disk.
        let _ = connection.close().await;
        let bytes: u64 = backup.files.iter().map(|file| file.bytes).sum();
        progress(format!("{}: {bytes} bytes", data.name()));
        modules.push(backup);
    }
    let manifest = Manifest::new(created_at, &options.store_version, modules);
    manifest.write(directory)?;
    Ok(manifest)
}

async fn back_up_module(
    data: &ModuleData,
    connection: &mut Connection,
    taken_at: Timestamp,
    directory: &Path,
    progress: Progress<'_>,
) -> Result<ModuleBackup, BackupError> {
    let engine = connection.engine();
    progress(format!("{}: from {}", data.name(), data.url));
    let backup = |positions, files, tables, sequences| ModuleBackup {
        module: data.name().to_owned(),
        engine: engine.to_string(),
        taken_at,
        positions,
        files,
        tables,
        sequences,
    };
    if engine == Engine::Sqlite {
        let snapshot = sqlite::take_snapshot(data, connection, directory).await?;
        let files = vec![snapshot.file];
        return Ok(backup(snapshot.positions, files, snapshot.tables, Default::default()));
    }
    let positions = Positions::read(connection).await;
    let positions = positions.map_err(|cause| database_error(data, "reading the positions", cause))?;
    let copied = postgres::copy_out_tables(data, connection, directory, progress).await?;
    Ok(backup(positions, copied.files, copied.tables, copied.sequences))
}
