//! Manifest of a backup, `manifest.json`. The manifest is written last and atomically: a directory without a manifest
//! is not a backup.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use offshoot_contract::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::BackupError;
use crate::files;
use crate::positions::Positions;

/// Version of the manifest format. Raise the version when an older reader would misunderstand a new manifest.
const FORMAT: u32 = 1;
/// File name of the manifest.
pub(crate) const MANIFEST_FILE: &str = "manifest.json";
/// File with the checksums of every file and of the manifest, in the format of `sha256sum -c`.
pub(crate) const CHECKSUMS_FILE: &str = "SHA256SUMS";

/// Content of a backup.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of the manifest format.
    pub format: u32,
    /// Time just before the first snapshot.
    pub created_at: Timestamp,
    /// Version of the binary that created the backup.
    pub store_version: String,
    /// Modules in the order of the snapshots: callers before callees.
    pub modules: Vec<ModuleBackup>,
}

/// Snapshot of one module.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModuleBackup {
    /// Module name.
    pub module: String,
    /// Engine that the snapshot was taken from: `SQLite` or `Postgres`.
    pub engine: String,
    /// Start of the snapshot. The snapshot contains everything committed before that time.
    pub taken_at: Timestamp,
    /// Positions of the module in the snapshot.
    pub positions: Positions,
    /// Files of the snapshot.
    pub files: Vec<FileEntry>,
    /// Tables, referenced tables before referencing ones.
    pub tables: Vec<TableEntry>,
    /// Postgres only: last value of each sequence, and whether the sequence was ever called.
    pub sequences: BTreeMap<String, (i64, bool)>,
}

/// One file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Path relative to the backup directory.
    pub path: String,
    /// Size in bytes.
    pub bytes: u64,
    /// SHA-256 in lower-case hexadecimal.
    pub sha256: String,
}

/// One table of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableEntry {
    /// Table name.
    pub name: String,
    /// Number of rows.
    pub rows: u64,
    /// Postgres only: stored columns in table order, without generated columns.
    pub columns: Vec<String>,
    /// Postgres only: path of the file with the rows, relative to the backup directory.
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

    /// Writes the checksums, then the manifest by an atomic rename: `directory` becomes a valid backup.
    pub(crate) fn write(&self, directory: &Path) -> Result<(), BackupError> {
        let text = serde_json::to_vec_pretty(self).map_err(|error| BackupError::write(directory, error.into()))?;
        let draft = directory.join("manifest.draft");
        files::write_new_file(&draft, &text)?;
        let (_, sum) = files::checksum(&draft).map_err(|cause| BackupError::read(&draft, cause))?;
        let mut checksums = String::new();
        let all = self.modules.iter().flat_map(|module| &module.files);
        for (path, sum) in all
            .map(|file| (&*file.path, &*file.sha256))
            .chain([(MANIFEST_FILE, &*sum)])
        {
            // Writing to a string cannot fail.
            let _ = writeln!(checksums, "{sum}  {path}");
        }
        files::write_new_file(&directory.join(CHECKSUMS_FILE), checksums.as_bytes())?;
        let path = directory.join(MANIFEST_FILE);
        fs::rename(&draft, &path).map_err(|cause| BackupError::write(&path, cause))?;
        files::sync_directory(directory)
    }

    /// Reads the manifest of a backup and checks the manifest against its recorded checksum.
    pub fn read(directory: &Path) -> Result<Self, BackupError> {
        let path = directory.join(MANIFEST_FILE);
        let text = fs::read(&path).map_err(|cause| match cause.kind() {
            ErrorKind::NotFound => BackupError::NoManifest {
                path: directory.to_owned(),
            },
            _ => BackupError::read(&path, cause),
        })?;
        let checksums = directory.join(CHECKSUMS_FILE);
        let recorded = fs::read_to_string(&checksums).map_err(|cause| BackupError::read(&checksums, cause))?;
        let (_, sum) = files::checksum(&path).map_err(|cause| BackupError::read(&path, cause))?;
        if !recorded.lines().any(|line| line == format!("{sum}  {MANIFEST_FILE}")) {
            let reason = format!("the checksum differs from {CHECKSUMS_FILE}");
            return Err(BackupError::damaged(&path, reason));
        }
        let format = |text: &[u8]| {
            serde_json::from_slice::<serde_json::Value>(text)
                .ok()?
                .get("format")?
                .as_u64()
        };
        if let Some(found) = format(&text).filter(|found| *found != u64::from(FORMAT)) {
            return Err(BackupError::UnsupportedFormat {
                path,
                found: u32::try_from(found).unwrap_or(u32::MAX),
                known: FORMAT,
            });
        }
        serde_json::from_slice(&text).map_err(|error| BackupError::damaged(&path, error.to_string()))
    }

    /// The modules called `names`, in manifest order; every module if `names` is empty.
    pub(crate) fn select_modules(&self, names: &[String]) -> Result<Vec<&ModuleBackup>, BackupError> {
        let is_missing = |name: &&String| !self.modules.iter().any(|module| module.module == **name);
        if let Some(unknown) = names.iter().find(is_missing) {
            let available: Vec<_> = self.modules.iter().map(|module| module.module.as_str()).collect();
            return Err(BackupError::NotInBackup {
                module: unknown.clone(),
                available: available.join(", "),
            });
        }
        let chosen = |module: &&ModuleBackup| names.is_empty() || names.contains(&module.module);
        Ok(self.modules.iter().filter(chosen).collect())
    }
}
