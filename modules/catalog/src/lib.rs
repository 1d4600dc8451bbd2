//! The catalog: what the store sells, and at what price. The implementation of `catalog_api`.
//!
//! Knows no other module, and not where it runs or who calls it.

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

/// The catalog's tables.
pub const SCHEMA: ModuleSchema = ModuleSchema {
    module: "catalog",
    migrations: migrations!("../../../migrations/catalog": 1 "0001_products"),
    tables: include_str!("../../../migrations/catalog/tables.toml"),
};

/// The catalog on its own database. Implements `catalog_api::v1::CatalogApi`.
pub struct Catalog {
    db: Db,
    clock: Arc<dyn Clock>,
}

impl Catalog {
    /// A catalog whose data is in `db`, opened with [`SCHEMA`]. `clock` says what is now and what is the future.
    #[must_use]
    pub fn new(db: Db, clock: Arc<dyn Clock>) -> Self {
        Self { db, clock }
    }
}
