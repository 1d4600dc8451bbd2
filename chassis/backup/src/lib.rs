//! Online backups of module data, restore, and a doctor that compares modules afterwards.
//!
//! A backup is a directory with one consistent snapshot per module and a `manifest.json`. The manifest records each
//! module's position in its own log and in the logs of other modules. Snapshots are taken callers before callees, so
//! every effect in a callee that a caller's snapshot relies on is also in the callee's later snapshot. After
//! [`restore_backup`] every subscription either continues from a valid position, or is held and listed with the command
//! that resolves the case. This crate must not know any module: callers pass schemas and database URLs.

// Parts of a backup.
mod files;
mod limits;
mod manifest;
mod positions;
// Plain database connections, without pools and without the checks of `offshoot_db::Tx`.
mod connection;
// Snapshots per engine.
mod postgres;
mod sqlite;
mod tables;
// Operator commands.
mod create;
mod doctor;
mod restore;
mod verify;
// Safety checks before a restore, the impact on subscriptions and sagas after it, and the mark while it lasts.
mod guard;
mod impact;
mod mark;
// Errors.
mod error;

use std::path::PathBuf;

use offshoot_db::{DatabaseUrl, ModuleSchema};

pub use crate::create::{CreateOptions, create_backup};
pub use crate::doctor::{Diagnosis, Finding, Severity, diagnose};
pub use crate::error::BackupError;
pub use crate::impact::{AffectedSaga, RestoreImpact, SubscriptionImpact, SubscriptionOutcome};
pub use crate::manifest::{FileEntry, Manifest, ModuleBackup, TableEntry};
pub use crate::positions::{CursorPosition, LogPosition, MigrationEntry, OpenSaga, Positions};
pub use crate::restore::{RestoreOptions, RestoreReport, RestoredModule, restore_backup};
pub use crate::verify::{VerifiedModule, verify_backup};

/// Schema and database of one module.
#[derive(Debug, Clone)]
pub struct ModuleData {
    /// Tables and migrations that the module declares.
    pub schema: &'static ModuleSchema,
    /// Database that holds the data.
    pub url: DatabaseUrl,
}

impl ModuleData {
    fn name(&self) -> &'static str {
        self.schema.module
    }

    /// The module's SQLite file; `None` on Postgres.
    fn file(&self) -> Option<PathBuf> {
        match &self.url {
            DatabaseUrl::Sqlite(directory) => Some(directory.join(format!("{}.db", self.name()))),
            DatabaseUrl::Postgres(_) => None,
        }
    }
}

/// Receives one line of text per step of a long operation.
pub type Progress<'a> = &'a mut (dyn FnMut(String) + Send);
