//! Verifies a backup: every file must match its checksum and have readable content. Needs no database server.

use std::path::Path;

use serde::Serialize;

use crate::error::BackupError;
use crate::manifest::{Manifest, ModuleBackup};
use crate::{Progress, files, postgres, sqlite};

/// Result of verifying one module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VerifiedModule {
    /// Module name.
    pub module: String,
    /// Number of files.
    pub files: usize,
    /// Number of rows in all tables.
    pub rows: u64,
    /// Problems found; empty if the snapshot is intact.
    pub problems: Vec<String>,
}

/// Checks every file of a backup. Fails if `directory` is not a backup.
pub async fn verify_backup(
    directory: &Path,
    progress: Progress<'_>,
) -> Result<(Manifest, Vec<VerifiedModule>), BackupError> {
    let manifest = Manifest::read(directory)?;
    let mut found = Vec::new();
    for backup in &manifest.modules {
        progress(format!("{}: checking", backup.module));
        found.push(verify_module(directory, backup).await);
    }
    Ok((manifest, found))
}

/// Checks the files of one module.
pub(crate) async fn verify_module(directory: &Path, backup: &ModuleBackup) -> VerifiedModule {
    let mut problems = Vec::new();
    for file in &backup.files {
        match files::checksum(&directory.join(&file.path)) {
            Err(error) => problems.push(format!("{} cannot be read: {error}", file.path)),
            Ok((bytes, _)) if bytes != file.bytes => {
                problems.push(format!("{} has {bytes} bytes instead of {}", file.path, file.bytes));
            }
            Ok((_, sum)) if sum != file.sha256 => problems.push(format!("{} does not match its checksum", file.path)),
            Ok(_) => {}
        }
    }
    // Content is checked only in files that match their checksums: further errors would only repeat the damage.
    if problems.is_empty() {
        problems = verify_content(directory, backup).await;
    }
    VerifiedModule {
        module: backup.module.clone(),
        files: backup.files.len(),
        rows: backup.tables.iter().map(|table| table.rows).sum(),
        problems,
    }
}

async fn verify_content(directory: &Path, backup: &ModuleBackup) -> Vec<String> {
    let mut problems = Vec::new();
    for file in backup.files.iter().filter(|file| file.path.ends_with(".db")) {
        match sqlite::find_problems(&directory.join(&file.path), backup).await {
            Ok(found) => problems.extend(found.into_iter().map(|problem| format!("{}: {problem}", file.path))),
            Err(error) => problems.push(format!("{} is not a valid SQLite database: {error}", file.path)),
        }
    }
    for table in &backup.tables {
        let Some(file) = &table.file else { continue };
        match postgres::check_rows(&directory.join(file), table) {
            Ok(found) => problems.extend(found.map(|problem| format!("{file}: {problem}"))),
            Err(error) => problems.push(format!("{file} cannot be read: {error}")),
        }
    }
    problems
}
