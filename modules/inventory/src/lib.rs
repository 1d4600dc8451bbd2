//! The inventory module: stock and reservations. Implements `inventory_api`.
//!
//! Must not know other modules: a product is an id.

use std::sync::Arc;

use offshoot_contract::{CallContext, CallFailure, Clock};
use offshoot_db::{Db, ModuleSchema, migrations};

// One method per use case.
mod service;
// Making, committing and releasing reservations.
mod reservations;
// Publishing of stock changes.
mod events;
// Rules, without a database.
mod recording;
mod validation;
// SQL.
mod store;
// How the module starts in a process.
mod start;

pub use crate::start::{MODULE, start};

/// Schema and migrations of the inventory database.
pub const SCHEMA: ModuleSchema = ModuleSchema {
    module: "inventory",
    migrations: migrations!("../../../migrations/inventory": 1 "0001_inventory"),
    tables: include_str!("../../../migrations/inventory/tables.toml"),
};

/// Reservations expired per transaction, so that other writers wait only briefly.
const EXPIRY_BATCH: u32 = 100;

/// Inventory backed by its own database. Implements `inventory_api::v1::InventoryApi`.
pub struct Inventory {
    db: Db,
    clock: Arc<dyn Clock>,
}

impl Inventory {
    /// Creates the inventory on `db`, which must be opened with [`SCHEMA`]. `clock` decides which reservations have
    /// expired.
    #[must_use]
    pub fn new(db: Db, clock: Arc<dyn Clock>) -> Self {
        Self { db, clock }
    }

    /// Expires all overdue reservations and returns their number. Several processes may run this concurrently.
    pub async fn expire_reservations(&self, cx: &mut CallContext) -> Result<u64, CallFailure> {
        let mut sum = 0;
        loop {
            let mut tx = self.db.begin(cx).await?;
            let references = store::overdue(&mut tx, self.clock.now(), EXPIRY_BATCH).await?;
            if references.is_empty() {
                return Ok(sum);
            }
            sum += references.len() as u64;
            let levels = store::release_units(&mut tx, &references).await?;
            store::mark_expired(&mut tx, references).await?;
            events::publish_stock_changes(&mut tx, levels).await?;
            tx.commit_part().await?;
        }
    }
}
