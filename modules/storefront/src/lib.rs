//! The storefront: what is for sale and whether it can be had, in one query. The implementation of `storefront_api`.
//!
//! Knows what the catalog and the inventory announce, and calls neither.

use offshoot_db::{Db, ModuleSchema, migrations};

// The copies that it keeps, and how they follow.
mod copies;
// One method per use case.
mod service;
// SQL.
mod store;

pub use crate::copies::{CopyOfProducts, CopyOfStock, PRODUCTS, STOCK, subscriptions};

/// The storefront's tables.
pub const SCHEMA: ModuleSchema = ModuleSchema {
    module: "storefront",
    migrations: migrations!("../../../migrations/storefront": 1 "0001_copies"),
    tables: include_str!("../../../migrations/storefront/tables.toml"),
};

/// The storefront on its own database. Implements `storefront_api::v1::StorefrontApi`.
pub struct Storefront {
    db: Db,
}

impl Storefront {
    /// A storefront whose data is in `db`, opened with [`SCHEMA`]. It is filled by [`subscriptions`].
    #[must_use]
    pub fn new(db: Db) -> Self {
        Self { db }
    }
}
