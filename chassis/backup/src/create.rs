//! Taking a backup while the store serves.

use std::path::Path;

use offshoot_contract::{Clock, Timestamp};
use offshoot_db::{DatabaseUrl, Engine};

use crate::link::{Link, failed};
use crate::manifest::Manifest;
use crate::{BackupError, ModuleBackup, ModuleData, Positions, Tell, files, postgres, sqlite};

/// What is backed up.
#[derive(Debug, Clone, Default)]
pub struct CreateOptions {
    /// These modules only; all if none is named.
    pub modules: Vec<String>,
    /// The version of the binary, for the manifest.
    pub store_version: String,
}

/// Takes a backup of `places`, which come in the sequence of their snapshots: those that call before those that they call.
///
/// What a caller's snapshot knows to have happened in a callee is then in the callee's, which is taken later. On Postgres all
/// snapshots are fixed at the start, within moments; on SQLite each is fixed when its file's turn comes.
pub async fn create(
    places: &[ModuleData],
    directory: &Path,
    options: &CreateOptions,
    clock: &dyn Clock,
    tell: Tell<'_>,
) -> Result<Manifest, BackupError> {
    let is_chosen =
        |data: &&ModuleData| options.modules.is_empty() || options.modules.iter().any(|name| name == data.name());
    let chosen: Vec<_> = places.iter().filter(is_chosen).collect();
    let made = files::claim(directory)?;
    let taken = take(&chosen, directory, options, clock, tell).await;
    if taken.is_err() {
        files::clear(directory, made);
    }
    taken
}

async fn take(
    chosen: &[&ModuleData],
    directory: &Path,
    options: &CreateOptions,
    clock: &dyn Clock,
    tell: Tell<'_>,
) -> Result<Manifest, BackupError> {
    let created_at = clock.now();
    let mut open = Vec::new();
    for data in chosen {
        let mut link = Link::to_read(data).await?.ok_or_else(|| BackupError::NoData {
            module: data.name().to_owned(),
            place: data.url.to_string(),
        })?;
        let taken_at = clock.now();
        if link.engine() == Engine::Postgres {
            let pinned = postgres::pin(&mut link).await;
            pinned.map_err(|cause| failed(data, "fixing a snapshot", cause))?;
        }
        open.push((*data, link, taken_at));
    }
    let mut modules = Vec::new();
    for (data, mut link, pinned_at) in open {
        let taken_at = match &data.url {
            DatabaseUrl::Postgres(_) => pinned_at,
            DatabaseUrl::Sqlite(_) => clock.now(),
        };
        let backup = one(data, &mut link, taken_at, directory, tell).await?;
        // What is on the disk is all that is wanted of it.
        let _ = link.close().await;
        let bytes: u64 = backup.files.iter().map(|file| file.bytes).sum();
        tell(format!("{}: {bytes} bytes", data.name()));
        modules.push(backup);
    }
    let manifest = Manifest::new(created_at, &options.store_version, modules);
    manifest.write(directory)?;
    Ok(manifest)
}

async fn one(
    data: &ModuleData,
    link: &mut Link,
    taken_at: Timestamp,
    directory: &Path,
    tell: Tell<'_>,
) -> Result<ModuleBackup, BackupError> {
    let engine = link.engine();
    tell(format!("{}: from {}", data.name(), data.url));
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
        let snapshot = sqlite::snapshot(data, link, directory).await?;
        let files = vec![snapshot.file];
        return Ok(backup(snapshot.positions, files, snapshot.tables, Default::default()));
    }
    let positions = Positions::read(link).await;
    let positions = positions.map_err(|cause| failed(data, "reading the positions", cause))?;
    let copied = postgres::copy_out(data, link, directory, tell).await?;
    Ok(backup(positions, copied.files, copied.tables, copied.sequences))
}
