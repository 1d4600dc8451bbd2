//! The reporting module: sales reports from a projection of the orders. Implements `reporting_api`.
//!
//! Knows the events of the orders module. Must not call other modules.

use offshoot_db::{Db, ModuleSchema, migrations};

// The projection of the orders, and the amounts counted per order.
mod counting;
mod projection;
// One method per use case, and validation of queries.
mod service;
mod validation;
// SQL.
mod store;
// How the module starts in a process.
mod start;

pub use crate::start::{MODULE, start};

pub use crate::projection::{ORDERS_SUBSCRIPTION, OrdersProjection, subscriptions};

/// Schema and migrations of the reporting database.
pub const SCHEMA: ModuleSchema = ModuleSchema {
    module: "reporting",
    migrations: migrations!("../../../migrations/reporting": 1 "0001_projections"),
    tables: include_str!("../../../migrations/reporting/tables.toml"),
};

/// Reporting module backed by its own database. Implements `reporting_api::v1::ReportingApi`.
pub struct Reporting {
    db: Db,
}

impl Reporting {
    /// Creates the reporting module on `db`, which must be opened with [`SCHEMA`]. [`subscriptions`] feed the
    /// projection.
    #[must_use]
    pub fn new(db: Db) -> Self {
        Self { db }
    }
}
