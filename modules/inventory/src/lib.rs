//! The inventory: what is there, and what is promised. The implementation of `inventory_api`.
//!
//! Knows no other module: a product is an id.

use std::sync::Arc;

use offshoot_contract::{CallContext, CallFailure, Clock};
use offshoot_db::{Db, ModuleSchema, migrations};

// One method per use case.
mod service;
// Promises: made, kept, taken back.
mod reserving;
// Rules, without a database.
mod announcing;
mod recording;
mod validation;
// SQL.
mod store;

/// The inventory's tables.
pub const SCHEMA: ModuleSchema = ModuleSchema {
    module: "inventory",
    migrations: migrations!("../../../migrations/inventory": 1 "0001_inventory"),
    tables: include_str!("../../../migrations/inventory/tables.toml"),
};

/// Reservations that one transaction lets expire, so that nobody waits long for it.
const EXPIRED_AT_ONCE: u32 = 100;

/// The inventory on its own database. Implements `inventory_api::v1::InventoryApi`.
pub struct Inventory {
    db: Db,
    clock: Arc<dyn Clock>,
}

impl Inventory {
    /// An inventory whose data is in `db`, opened with [`SCHEMA`]. `clock` decides what has expired.
    #[must_use]
    pub fn new(db: Db, clock: Arc<dyn Clock>) -> Self {
        Self { db, clock }
    }

    /// Takes back the promises that have run out; answers how many. Several processes may do so at once.
    pub async fn expire(&self, cx: &mut CallContext) -> Result<u64, CallFailure> {
        let mut sum = 0;
        loop {
            let mut tx = self.db.begin(cx).await?;
            let references = store::run_out(&mut tx, self.clock.now(), EXPIRED_AT_ONCE).await?;
            if references.is_empty() {
                return Ok(sum);
            }
            sum += references.len() as u64;
            let levels = store::give_back(&mut tx, &references).await?;
            store::expire(&mut tx, references).await?;
            announcing::announce(&mut tx, levels).await?;
            tx.commit_part().await?;
        }
    }
}
