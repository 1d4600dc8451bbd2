//! Start of the carts module in a process: its data, settings, subscriptions and job.

use std::sync::Arc;
use std::time::Duration;

use carts_api::v1::CartsApi;
use catalog_api::v1::CatalogApi;
use offshoot_host::{Module, ModuleRuntime};

use crate::projection::subscriptions;
use crate::{Carts, CartsSettings, SCHEMA};

/// Pause between two removals of carts that expired long ago. Expired carts are kept for a week.
const REMOVE_EVERY: Duration = Duration::from_secs(10 * 60);

/// Description of the carts module for a host.
pub const MODULE: Module = Module::new(&SCHEMA)
    .with_subscriptions(subscriptions)
    .with_settings::<CartsSettings>();

/// Starts the module in the process of `runtime`. Products and prices come from `catalog`.
pub fn start(runtime: &mut ModuleRuntime, catalog: Arc<dyn CatalogApi>) -> anyhow::Result<Arc<dyn CartsApi>> {
    let carts = Arc::new(Carts::new(runtime.db(), runtime.clock(), catalog, runtime.settings()?));
    let cleaning = Arc::clone(&carts);
    runtime.repeat("removal of carts", REMOVE_EVERY, move |mut cx| {
        let carts = Arc::clone(&cleaning);
        async move { carts.remove_expired(&mut cx).await }
    });
    Ok(carts)
}
