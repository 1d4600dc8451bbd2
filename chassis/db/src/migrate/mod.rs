//! Bringing a module's schema up to date: plain SQL, one history per module in its own schema, one migrator at a time.
//!
//! sqlx's runner is not used: its lock is a no-op on SQLite, and it knows no expand and contract.

mod history;
mod plan;
mod run;
mod schema;
mod status;

pub use crate::migrate::run::{AppliedMigration, MigrationReport, carried, migrate, migrate_to};
pub(crate) use crate::migrate::run::{bring_up_to_date, require_up_to_date};
pub use crate::migrate::schema::{Migration, ModuleSchema};
pub use crate::migrate::status::{MigrationState, MigrationStatus, status};
