//! How the inventory is made, and what it does by itself.

use std::sync::Arc;
use std::time::Duration;

use ::inventory::Inventory;
use inventory_api::v1::InventoryApi;
use offshoot_contract::{CallContext, Clock};
use offshoot_db::Db;

use crate::serve::jobs::{Job, repeatedly};

/// How often promises that have run out are looked for. They are kept for minutes.
const EXPIRE_EVERY: Duration = Duration::from_secs(30);

pub(super) fn build(db: Db, clock: &Arc<dyn Clock>, jobs: &mut Vec<Job>) -> Arc<dyn InventoryApi> {
    let inventory = Arc::new(Inventory::new(db, Arc::clone(clock)));
    let expiring = Arc::clone(&inventory);
    jobs.push(repeatedly("expiry of reservations", EXPIRE_EVERY, move || {
        let inventory = Arc::clone(&expiring);
        async move { inventory.expire(&mut CallContext::root("expiry")).await }
    }));
    inventory
}
