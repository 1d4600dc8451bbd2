//! Whether a backup is whole: every file is as it was written, and what is in it can be read.

use std::path::Path;

use serde::Serialize;

use crate::manifest::Manifest;
use crate::{BackupError, ModuleBackup, Tell, files, postgres, sqlite};

/// What was found of one module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// The module.
    pub module: String,
    /// Its files.
    pub files: usize,
    /// Rows in its tables.
    pub rows: u64,
    /// What is wrong; empty if nothing is.
    pub problems: Vec<String>,
}

/// Checks every file of a backup. An error if it is none.
pub async fn verify(directory: &Path, tell: Tell<'_>) -> Result<(Manifest, Vec<Verified>), BackupError> {
    let manifest = Manifest::read(directory)?;
    let mut found = Vec::new();
    for backup in &manifest.modules {
        tell(format!("{}: checking", backup.module));
        found.push(check(directory, backup).await);
    }
    Ok((manifest, found))
}

/// Checks one module.
pub(crate) async fn check(directory: &Path, backup: &ModuleBackup) -> Verified {
    let mut problems = Vec::new();
    for file in &backup.files {
        match files::sum(&directory.join(&file.path)) {
            Err(error) => problems.push(format!("{} cannot be read: {error}", file.path)),
            Ok((bytes, _)) if bytes != file.bytes => {
                problems.push(format!("{} has {bytes} bytes and not {}", file.path, file.bytes));
            }
            Ok((_, sum)) if sum != file.sha256 => problems.push(format!("{} is not as it was written", file.path)),
            Ok(_) => {}
        }
    }
    // What was damaged afterwards says nothing more by its content.
    if problems.is_empty() {
        problems = content(directory, backup).await;
    }
    Verified {
        module: backup.module.clone(),
        files: backup.files.len(),
        rows: backup.tables.iter().map(|table| table.rows).sum(),
        problems,
    }
}

async fn content(directory: &Path, backup: &ModuleBackup) -> Vec<String> {
    let mut problems = Vec::new();
    for file in backup.files.iter().filter(|file| file.path.ends_with(".db")) {
        match sqlite::check(&directory.join(&file.path), backup).await {
            Ok(wrong) => problems.extend(wrong.into_iter().map(|what| format!("{}: {what}", file.path))),
            Err(error) => problems.push(format!("{} is no sound database: {error}", file.path)),
        }
    }
    for table in &backup.tables {
        let Some(file) = &table.file else { continue };
        match postgres::check_rows(&directory.join(file), table) {
            Ok(wrong) => problems.extend(wrong.map(|what| format!("{file}: {what}"))),
            Err(error) => problems.push(format!("{file} cannot be read: {error}")),
        }
    }
    problems
}
