//! The reporting: what was sold, asked in any division. The implementation of `reporting_api`.
//!
//! Knows what the orders announce, and does not call them.

use offshoot_db::{Db, ModuleSchema, migrations};

// The copy of the orders, and what is counted of each.
mod copy;
mod counting;
// One method per use case, and what may be asked.
mod service;
mod validation;
// SQL.
mod store;

pub use crate::copy::{CopyOfOrders, ORDERS, subscriptions};

/// The reporting's tables.
pub const SCHEMA: ModuleSchema = ModuleSchema {
    module: "reporting",
    migrations: migrations!("../../../migrations/reporting": 1 "0001_copies"),
    tables: include_str!("../../../migrations/reporting/tables.toml"),
};

/// The reporting on its own database. Implements `reporting_api::v1::ReportingApi`.
pub struct Reporting {
    db: Db,
}

impl Reporting {
    /// A reporting whose data is in `db`, opened with [`SCHEMA`]. It is filled by [`subscriptions`].
    #[must_use]
    pub fn new(db: Db) -> Self {
        Self { db }
    }
}
