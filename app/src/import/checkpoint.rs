//! How far a file has been brought into a store, so that the next run does not send it all again.
//!
//! A checkpoint only saves time. Everything that is sent is idempotent, so one that is lost, torn or about another
//! store is the same as none. It does not notice a store that was put back to an older state: start over then.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// How far one file has been brought into one store.
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
    /// Everything up to here was acknowledged.
    line: u64,
}

impl Checkpoint {
    /// The checkpoint kept in `folder` about the file with this fingerprint and this store.
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

    /// The same at the beginning of the file, whatever was kept.
    #[must_use]
    pub fn start_over(folder: &Path, file: String, store: String) -> Self {
        // Enough digits that two files do not share a checkpoint; if they did, the state would say so.
        let name = format!("import-{}.json", file.get(..16).unwrap_or(&file));
        Self {
            path: folder.join(name),
            state: State { file, store, line: 0 },
        }
    }

    /// The last line that was acknowledged; 0 where none was.
    #[must_use]
    pub fn line(&self) -> u64 {
        self.state.line
    }

    /// Keeps that everything up to `line` was acknowledged.
    ///
    /// The old state is replaced in one step. It is not synced: after a power cut an older one, or none, does no harm.
    pub fn reached(&mut self, line: u64) -> io::Result<()> {
        self.state.line = line;
        if let Some(folder) = self.path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let next = self.path.with_extension("json.next");
        std::fs::write(&next, serde_json::to_vec(&self.state)?)?;
        std::fs::rename(&next, &self.path)
    }

    /// Where it is kept.
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
        checkpoint.reached(42).expect("it can be written");

        assert_eq!(open(folder, "0123456789abcdef01", "store-a").line(), 42);
        assert_eq!(open(folder, "0123456789abcdef01", "store-b").line(), 0);
        assert_eq!(open(folder, "0123456789abcdef02", "store-a").line(), 0);
        std::fs::write(checkpoint.path(), "{\"file\":").expect("it can be written");
        assert_eq!(open(folder, "0123456789abcdef01", "store-a").line(), 0);
    }
}
