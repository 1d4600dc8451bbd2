//! Storefront module: lists active products with their availability in one query. Implements `storefront_api`.
//!
//! Knows the events of the catalog and the inventory. Must not call other modules.

use offshoot_db::{Db, ModuleSchema, migrations};

// Projections of the catalog's products and the inventory's stock.
mod projections;
// One method per use case.
mod service;
// SQL.
mod store;
// How the module starts in a process.
mod start;

pub use crate::start::{MODULE, start};

pub use crate::projections::{
    PRODUCTS_SUBSCRIPTION, ProductsProjection, STOCK_SUBSCRIPTION, StockProjection, subscriptions,
};

/// Schema and migrations of the storefront database.
pub const SCHEMA: ModuleSchema = ModuleSchema {
    module: "storefront",
    migrations: migrations!("../../../migrations/storefront": 1 "0001_projections"),
    tables: include_str!("../../../migrations/storefront/tables.toml"),
};

/// Storefront module backed by its own database. Implements `storefront_api::v1::StorefrontApi`.
pub struct Storefront {
    db: Db,
}

impl Storefront {
    /// Creates the storefront on `db`, which must be opened with [`SCHEMA`]. [`subscriptions`] feed the projections.
    #[must_use]
    pub fn new(db: Db) -> Self {
        Self { db }
    }
}
