//! The data of one module: its own schema on SQLite or Postgres, written in guarded transactions.
//!
//! A module declares a [`ModuleSchema`] and opens a [`Db`]. A write is a [`Tx`], a read is a [`Read`]; both take one
//! [`Sql`] text for the two engines. Knows no module and no other module's schema.
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

// What a module says: where its data lives, and statements with their values.
mod params;
mod rows;
mod statement;
mod url;
// Sets of values.
mod element;
mod insert_many;
mod list;
// A database, and the two ways to work in it.
mod db;
mod options;
mod queries;
mod read;
mod tx;
// What every transaction checks and records.
mod idempotency;
mod opening;
mod owner;
// What can go wrong.
mod constraint;
mod failure;
mod open_error;
// Connections, engine by engine.
mod connection;
mod pool;
mod postgres;
mod sqlite;
// The schema: its history, and what it says about its tables.
mod migrate;
mod tables;
// Who may do what: made once, and looked at.
mod isolation;
mod provision;
// For tests: which statements have run.
pub mod recording;

pub use crate::constraint::violates;
pub use crate::db::{Db, StoreId};
pub use crate::element::Element;
pub use crate::failure::DbError;
pub use crate::idempotency::{CallKey, KEPT_FOR};
pub use crate::insert_many::InsertRow;
pub use crate::isolation::{Isolation, isolation};
pub use crate::list::List;
pub use crate::migrate::{
    AppliedMigration, Migration, MigrationReport, MigrationState, MigrationStatus, ModuleSchema, carried, migrate,
    migrate_to, status,
};
pub use crate::open_error::OpenError;
pub use crate::options::{DbOptions, PgBudget};
pub use crate::params::Params;
pub use crate::provision::{Password, ProvisionOptions, ProvisionedStep, provision};
pub use crate::queries::Queries;
pub use crate::read::Read;
pub use crate::rows::Row;
pub use crate::statement::{Engine, Sql};
pub use crate::tables::check_tables;
pub use crate::tx::Tx;
pub use crate::url::DatabaseUrl;
