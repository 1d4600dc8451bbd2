//! How the inventory is made, and what it does by itself.

use std::sync::Arc;
use std::time::Duration;

use ::inventory::Inventory;
use inventory_api::v1::InventoryApi;
use offshoot_contract::Clock;

use crate::serve::working::Working;

/// How often promises that have run out are looked for. They are kept for minutes.
const EXPIRE_EVERY: Duration = Duration::from_secs(30);

pub(super) fn build(here: &mut Working, clock: &Arc<dyn Clock>) -> Arc<dyn InventoryApi> {
    let inventory = Arc::new(Inventory::new(here.db(), Arc::clone(clock)));
    let expiring = Arc::clone(&inventory);
    here.repeatedly("expiry of reservations", EXPIRE_EVERY, move |mut cx| {
        let inventory = Arc::clone(&expiring);
        async move { inventory.expire(&mut cx).await }
    });
    inventory
}
