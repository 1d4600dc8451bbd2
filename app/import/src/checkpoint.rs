//! Checkpoint of an import: how far a file has been sent to a store.
//!
//! A checkpoint only saves time. Every call is idempotent, so a lost, torn or foreign checkpoint counts as none. A
//! checkpoint does not notice a store that was restored to an older state: then start over.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Progress of one file in one store.
#[derive(Debug)]
pub struct Checkpoint {
    path: PathBuf,
    state: State,
}

#[derive(Debug, Serialize, Deserialize)]
struct State {
    /// SHA-256 of the file.
    file: String,
    /// The id of the store.
    store: String,
    /// Lines up to here are acknowledged.
    line: u64,
}

impl Checkpoint {
    /// The checkpoint in `folder` for this file and this store.
    #[must_use]
    pub fn open(folder: &Path, file: String, store: String) -> Self {
        let mut checkpoint = Self::start_over(folder, file, store);
        let kept = std::fs::read(&checkpoint.path).ok();
        let kept = kept.and_then(|bytes| serde_json::from_slice::<State>(&bytes).ok());
        if let Some(kept) = kept
            && kept.file == checkpoint.state.file
            && kept.store == checkpoint.state.store
        {
            checkpoint.state = kept;
        }
        checkpoint
    }

    /// A checkpoint at the beginning of the file, whatever was stored.
    #[must_use]
    pub fn start_over(folder: &Path, file: String, store: String) -> Self {
        // Long enough to keep files apart; a collision shows in the stored state.
        let name = format!("import-{}.json", file.get(..16).unwrap_or(&file));
        Self {
            path: folder.join(name),
            state: State { file, store, line: 0 },
        }
    }

    /// The last acknowledged line; 0 without any.
    #[must_use]
    pub fn line(&self) -> u64 {
        self.state.line
    }

    /// Records that everything up to `line` is acknowledged.
    ///
    /// The file is replaced atomically and not synced: after a power failure an older checkpoint does no harm.
    pub fn reached(&mut self, line: u64) -> io::Result<()> {
        self.state.line = line;
        if let Some(folder) = self.path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let next = self.path.with_extension("json.next");
        std::fs::write(&next, serde_json::to_vec(&self.state)?)?;
        std::fs::rename(&next, &self.path)
    }

    /// Path of the checkpoint.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(folder: &Path, file: &str, store: &str) -> Checkpoint {
        Checkpoint::open(folder, file.to_owned(), store.to_owned())
    }

    #[test]
    fn another_store_another_file_and_a_torn_checkpoint_count_as_none() {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let folder = folder.path();
        let mut checkpoint = open(folder, "0123456789abcdef01", "store-a");
        assert_eq!(checkpoint.line(), 0);
        checkpoint.reached(42).expect("the checkpoint is writable");

        assert_eq!(open(folder, "0123456789abcdef01", "store-a").line(), 42);
        assert_eq!(open(folder, "0123456789abcdef01", "store-b").line(), 0);
        assert_eq!(open(folder, "0123456789abcdef02", "store-a").line(), 0);
        std::fs::write(checkpoint.path(), "{\"file\":").expect("the checkpoint is writable");
        assert_eq!(open(folder, "0123456789abcdef01", "store-a").line(), 0);
    }
}
