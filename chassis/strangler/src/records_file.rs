//! File with the last known records, for a start while the control database does not answer.
//!
//! The processes of one data directory share the file. A lock beside the file keeps a slow process from replacing newer
//! records by older ones, and readers see a whole file at any time.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use offshoot_contract::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::migration::Migration;

/// The last known records.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SavedRecords {
    /// Time of the last change.
    pub(crate) saved_at: Timestamp,
    /// Records by module.
    pub(crate) records: BTreeMap<String, Migration>,
}

/// The last known records in the file at `path`, by module. Empty if nothing was ever saved. Blocks.
pub fn saved_records(path: &Path) -> io::Result<BTreeMap<String, Migration>> {
    let saved = RecordsFile::new(path.to_owned(), Uuid::nil()).load()?;
    Ok(saved.map(|saved| saved.records).unwrap_or_default())
}

/// The file of one data directory.
#[derive(Debug, Clone)]
pub(crate) struct RecordsFile {
    path: PathBuf,
    /// Part of the temporary file's name.
    writer: Uuid,
}

impl RecordsFile {
    pub(crate) fn new(path: PathBuf, writer: Uuid) -> Self {
        Self { path, writer }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The saved records. `None` if nothing was ever saved. Blocks.
    pub(crate) fn load(&self) -> io::Result<Option<SavedRecords>> {
        let json = match fs::read(&self.path) {
            Ok(json) => json,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        serde_json::from_slice(&json).map(Some).map_err(io::Error::from)
    }

    /// Saves each record that is newer than the saved one. False if another process is saving: try again. Blocks.
    pub(crate) fn save(&self, records: BTreeMap<String, Migration>, now: Timestamp) -> io::Result<bool> {
        let lock = File::create(self.beside("lock"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(false),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        // A file that cannot be read is of no use to anybody, and is replaced.
        let mut saved = self
            .load()
            .ok()
            .flatten()
            .map(|saved| saved.records)
            .unwrap_or_default();
        let mut has_changed = false;
        for (module, record) in records {
            let known = saved.get(&module).map_or(0, |known| known.generation);
            if record.generation > known {
                saved.insert(module, record);
                has_changed = true;
            }
        }
        if has_changed {
            self.replace(&SavedRecords {
                saved_at: now,
                records: saved,
            })?;
        }
        Ok(true)
    }

    fn replace(&self, saved: &SavedRecords) -> io::Result<()> {
        let json = serde_json::to_vec_pretty(saved).map_err(io::Error::from)?;
        let temporary = self.beside(&format!("{}.tmp", self.writer));
        let mut file = File::create(&temporary)?;
        file.write_all(&json)?;
        file.sync_all()?;
        fs::rename(&temporary, &self.path)?;
        // The new name is durable once the directory is.
        match self.path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            Some(directory) => File::open(directory)?.sync_all(),
            None => Ok(()),
        }
    }

    fn beside(&self, ending: &str) -> PathBuf {
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(".");
        name.push(ending);
        self.path.with_file_name(name)
    }
}
