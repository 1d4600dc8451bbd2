//! Migrations: plain SQL, one history per module in the module's own schema, one migrator at a time.
//!
//! sqlx's migration runner is not used: its lock does nothing on SQLite, and it has no expand and contract migrations.

mod apply;
mod history;
mod plan;
mod schema;
mod status;
mod table_locks;

pub use crate::migrate::apply::{MigrationId, MigrationReport, carried_migrations, migrate, migrate_to};
pub(crate) use crate::migrate::apply::{migrate_file, require_up_to_date};
pub use crate::migrate::schema::{Migration, ModuleSchema};
pub use crate::migrate::status::{MigrationState, MigrationStatus, migration_status};
