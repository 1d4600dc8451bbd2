//! The catalog module: products and their prices. Implements `catalog_api`.
//!
//! Must not know other modules, the placement of this module, or the callers.

use std::sync::Arc;

use offshoot_contract::Clock;
use offshoot_db::{Db, ModuleSchema, migrations};

// One method per use case.
mod service;
// Rules, without a database.
mod browse;
mod bulk;
mod domain;
mod search;
mod validation;
// SQL.
mod store;
// How the module starts in a process.
mod start;

pub use crate::start::{MODULE, start};

/// Schema and migrations of the catalog database.
pub const SCHEMA: ModuleSchema = ModuleSchema {
    module: "catalog",
    migrations: migrations!("../../../migrations/catalog": 1 "0001_products"),
    tables: include_str!("../../../migrations/catalog/tables.toml"),
};

/// Catalog backed by its own database. Implements `catalog_api::v1::CatalogApi`.
pub struct Catalog {
    db: Db,
    clock: Arc<dyn Clock>,
}

impl Catalog {
    /// Creates the catalog on `db`, which must be opened with [`SCHEMA`]. `clock` gives the current time: prices that
    /// start later are rejected.
    #[must_use]
    pub fn new(db: Db, clock: Arc<dyn Clock>) -> Self {
        Self { db, clock }
    }
}
