//! What a backup says of itself: `manifest.json`, written last and all at once. Without one there is no backup.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use offshoot_contract::Timestamp;
use serde::{Deserialize, Serialize};

use crate::files;
use crate::{BackupError, Positions};

/// Raised when a reader of the old one would misunderstand the new one.
const FORMAT: u32 = 1;
/// Its name.
pub(crate) const MANIFEST: &str = "manifest.json";
/// The sums of every file and of the manifest, as `sha256sum -c` reads them.
pub(crate) const SUMS: &str = "SHA256SUMS";

/// What is in a backup.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Of the manifest.
    pub format: u32,
    /// When the first snapshot was begun.
    pub created_at: Timestamp,
    /// The binary that made it.
    pub store_version: String,
    /// In the sequence in which the snapshots were taken.
    pub modules: Vec<ModuleBackup>,
}

/// One module's snapshot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModuleBackup {
    /// The module.
    pub module: String,
    /// Where its data lived: `SQLite` or `Postgres`.
    pub engine: String,
    /// When the snapshot was begun: what was committed before is in it.
    pub taken_at: Timestamp,
    /// Where the module stood.
    pub positions: Positions,
    /// Its files.
    pub files: Vec<FileEntry>,
    /// Its tables, those that others refer to first.
    pub tables: Vec<TableEntry>,
    /// Postgres only: the last number that each sequence gave, and whether it gave any.
    pub sequences: BTreeMap<String, (i64, bool)>,
}

/// A file of the backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// From the backup's directory.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// SHA-256.
    pub sha256: String,
}

/// A table in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableEntry {
    /// The table.
    pub name: String,
    /// How many rows.
    pub rows: u64,
    /// Postgres only: the columns in their sequence, without those that the database computes.
    pub columns: Vec<String>,
    /// Postgres only: the file of its rows.
    pub file: Option<String>,
}

impl Manifest {
    pub(crate) fn new(created_at: Timestamp, store_version: &str, modules: Vec<ModuleBackup>) -> Self {
        Self {
            format: FORMAT,
            created_at,
            store_version: store_version.to_owned(),
            modules,
        }
    }

    /// Makes the directory a backup.
    pub(crate) fn write(&self, directory: &Path) -> Result<(), BackupError> {
        let text = serde_json::to_vec_pretty(self).map_err(|error| BackupError::write(directory, error.into()))?;
        let draft = directory.join("manifest.draft");
        files::write_new(&draft, &text)?;
        let (_, sum) = files::sum(&draft).map_err(|cause| BackupError::read(&draft, cause))?;
        let mut sums = String::new();
        let all = self.modules.iter().flat_map(|module| &module.files);
        for (path, sum) in all.map(|file| (&*file.path, &*file.sha256)).chain([(MANIFEST, &*sum)]) {
            // Writing to a string cannot fail.
            let _ = writeln!(sums, "{sum}  {path}");
        }
        files::write_new(&directory.join(SUMS), sums.as_bytes())?;
        let path = directory.join(MANIFEST);
        fs::rename(&draft, &path).map_err(|cause| BackupError::write(&path, cause))?;
        files::sync_directory(directory)
    }

    /// Reads the manifest of a backup, and makes sure that it is as it was written.
    pub(crate) fn read(directory: &Path) -> Result<Self, BackupError> {
        let path = directory.join(MANIFEST);
        let text = fs::read(&path).map_err(|cause| match cause.kind() {
            ErrorKind::NotFound => BackupError::NoManifest {
                path: directory.to_owned(),
            },
            _ => BackupError::read(&path, cause),
        })?;
        let sums = directory.join(SUMS);
        let noted = fs::read_to_string(&sums).map_err(|cause| BackupError::read(&sums, cause))?;
        let (_, sum) = files::sum(&path).map_err(|cause| BackupError::read(&path, cause))?;
        if !noted.lines().any(|line| line == format!("{sum}  {MANIFEST}")) {
            let what = format!("it is not the file whose sum {SUMS} has");
            return Err(BackupError::damaged(&path, what));
        }
        let format = |text: &[u8]| {
            serde_json::from_slice::<serde_json::Value>(text)
                .ok()?
                .get("format")?
                .as_u64()
        };
        if let Some(found) = format(&text).filter(|found| *found != u64::from(FORMAT)) {
            return Err(BackupError::OtherFormat {
                path,
                found: u32::try_from(found).unwrap_or(u32::MAX),
                known: FORMAT,
            });
        }
        serde_json::from_slice(&text).map_err(|error| BackupError::damaged(&path, error.to_string()))
    }

    /// The modules that are asked for, all if none is named, in the manifest's sequence.
    pub(crate) fn chosen(&self, names: &[String]) -> Result<Vec<&ModuleBackup>, BackupError> {
        let has = |name: &&String| !self.modules.iter().any(|module| module.module == **name);
        if let Some(strange) = names.iter().find(has) {
            let has: Vec<_> = self.modules.iter().map(|module| module.module.as_str()).collect();
            return Err(BackupError::NotInBackup {
                module: strange.clone(),
                has: has.join(", "),
            });
        }
        let chosen = |module: &&ModuleBackup| names.is_empty() || names.contains(&module.module);
        Ok(self.modules.iter().filter(chosen).collect())
    }
}
