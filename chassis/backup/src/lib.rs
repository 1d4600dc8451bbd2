//! Backups of modules' data while they are used, and putting them back; and what differs between modules.
//!
//! A backup is a directory: for each module a consistent snapshot, and `manifest.json`, which says where each module stood
//! in its own log and in those of others. The snapshots are taken one after the other, callers before callees: what a
//! caller's snapshot knows to have happened elsewhere is in the callee's, which is taken later. After [`restore`] every
//! cursor either goes on where it is right to, or holds and is listed with the command that decides. Knows no module: it is
//! given schemas and where their data lives.

// What a backup consists of.
mod files;
mod manifest;
mod positions;
// Connections past the modules' own, which need no guarded transaction.
mod link;
// Engine by engine.
mod postgres;
mod sqlite;
mod tables;
// What operators ask for.
mod create;
mod doctor;
mod restore;
mod verify;
// What restoring does to others.
mod aftermath;
mod guard;
// Why something is not done.
mod error;

use std::path::PathBuf;

use offshoot_db::{DatabaseUrl, ModuleSchema};

pub use crate::aftermath::{Aftermath, CursorFate, Fate, SagaSeen};
pub use crate::create::{CreateOptions, create};
pub use crate::doctor::{Examined, Finding, Weight, examine};
pub use crate::error::BackupError;
pub use crate::manifest::{FileEntry, Manifest, ModuleBackup, TableEntry};
pub use crate::positions::{CursorPosition, LogPosition, MigrationEntry, OpenSaga, Positions};
pub use crate::restore::{RestoreOptions, RestoreReport, Restored, restore};
pub use crate::verify::{Verified, verify};

/// A module's data and where it lives.
#[derive(Debug, Clone)]
pub struct ModuleData {
    /// What the module declares about its data.
    pub schema: &'static ModuleSchema,
    /// Where it is.
    pub url: DatabaseUrl,
}

impl ModuleData {
    fn name(&self) -> &'static str {
        self.schema.module
    }

    /// Its file, on SQLite.
    fn file(&self) -> Option<PathBuf> {
        match &self.url {
            DatabaseUrl::Sqlite(directory) => Some(directory.join(format!("{}.db", self.name()))),
            DatabaseUrl::Postgres(_) => None,
        }
    }
}

/// Says, in a line, how far long work has come.
pub type Tell<'a> = &'a mut (dyn FnMut(String) + Send);
