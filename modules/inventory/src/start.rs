//! Start of the inventory module in a process: its data and its job.

use std::sync::Arc;
use std::time::Duration;

use inventory_api::v1::InventoryApi;
use offshoot_host::{Module, ModuleRuntime};

use crate::{Inventory, SCHEMA};

/// Pause between two searches for expired reservations. Reservations are held for minutes.
const EXPIRE_EVERY: Duration = Duration::from_secs(30);

/// Description of the inventory module for a host.
pub const MODULE: Module = Module::new(&SCHEMA);

/// Starts the module in the process of `runtime`.
pub fn start(runtime: &mut ModuleRuntime) -> anyhow::Result<Arc<dyn InventoryApi>> {
    let inventory = Arc::new(Inventory::new(runtime.db(), runtime.clock()));
    let expiring = Arc::clone(&inventory);
    runtime.repeat("expiry of reservations", EXPIRE_EVERY, move |mut cx| {
        let inventory = Arc::clone(&expiring);
        async move { inventory.expire_reservations(&mut cx).await }
    });
    Ok(inventory)
}
