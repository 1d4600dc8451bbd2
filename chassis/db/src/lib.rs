//! Database access of one module: its own schema on SQLite or Postgres, and transactions that check the data's owner.
//!
//! A module declares a [`ModuleSchema`] and opens a [`Db`]. Writes go through a [`Tx`], reads through a [`Read`]; both
//! take one [`Sql`] text for the two engines. This crate must not know any module or any other module's schema.
//!
//! ```no_run
//! # use offshoot_contract::{CallContext, CallFailure};
//! # use offshoot_db::{Db, sql};
//! # async fn raise(db: &Db, cx: &mut CallContext, code: &str, height: i64) -> Result<i64, CallFailure> {
//! let mut tx = db.begin(cx).await?;
//! tx.execute(sql!("UPDATE stations SET height = $2 WHERE code = $1"), (code, height)).await?;
//! tx.commit(height).await
//! # }
//! ```

// A module's input: the database URL, statements and their parameters.
mod name;
mod params;
mod rows;
mod statement;
mod url;
// Sets of values as one parameter.
mod element;
mod insert_many;
mod list;
// An open database, its reads and its transactions.
mod db;
mod options;
mod queries;
mod read;
mod tx;
// Checks and records of every transaction.
mod begin;
mod expiry;
mod idempotency;
mod ownership;
// Errors.
mod constraint;
mod db_error;
mod error_code;
mod failure;
mod open_error;
// Connections, per engine.
mod connection;
mod places;
mod pool;
mod pool_state;
mod pool_use;
mod postgres;
mod server_load;
mod share;
mod sqlite;
// The schema: migrations, their history, and the declared tables.
mod migrate;
mod tables;
// Data that a restore has not finished.
mod restoring;
// Roles and privileges: created once, inspected at every start.
mod isolation;
mod provision;
// For tests: which statements were executed.
pub mod statement_coverage;

pub use crate::constraint::violates;
pub use crate::db::Db;
pub use crate::db_error::DbError;
pub use crate::element::Element;
pub use crate::idempotency::{CallKey, RECORD_RETENTION};
pub use crate::insert_many::InsertRow;
pub use crate::isolation::inspect_isolation;
pub use crate::list::List;
pub use crate::migrate::{
    Migration, MigrationId, MigrationReport, MigrationState, MigrationStatus, ModuleSchema, carried_migrations,
    migrate, migrate_to, migration_status,
};
pub use crate::name::Name;
pub use crate::open_error::OpenError;
pub use crate::options::{DbOptions, PgBudget};
pub use crate::ownership::StoreId;
pub use crate::params::Params;
pub use crate::pool_use::PoolUse;
pub use crate::postgres::{Isolation, Password, PostgresLogin, ProvisionOptions, ProvisionedStep, this_process};
pub use crate::provision::provision;
pub use crate::queries::Queries;
pub use crate::read::Read;
pub use crate::restoring::{require_restored, restore_mark_file, restore_mark_schema};
pub use crate::rows::Row;
pub use crate::server_load::{ModuleBudget, ServerLoad};
pub use crate::share::server_load;
pub use crate::statement::{Engine, Sql};
pub use crate::tables::check_tables;
pub use crate::tx::Tx;
pub use crate::url::DatabaseUrl;
// The expansion of `row!` uses sqlx through this path, so that modules need no dependency on sqlx.
#[doc(hidden)]
pub use sqlx as __sqlx;
