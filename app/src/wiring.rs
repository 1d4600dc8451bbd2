//! Which modules there are and who needs whom. The only place that names implementations.
//!
//! Where each module runs is decided by the settings and carried out by [`Host`]; nothing here depends on it.

use std::sync::Arc;
use std::time::Duration;

use carts::{Carts, CartsSettings};
use carts_api::v1::CartsApi;
use catalog::Catalog;
use catalog_api::v1::CatalogApi;
use inventory::Inventory;
use inventory_api::v1::InventoryApi;
use offshoot_contract::{CallContext, Clock, Contract, ContractDescription, describe};
use offshoot_db::ModuleSchema;
use orders::{Collaborators, Orders, OrdersSettings};
use orders_api::v1::OrdersApi;
use payments::{Payments, PaymentsSettings, SandboxProvider};
use payments_api::v1::PaymentsApi;

use crate::config::Settings;
use crate::serve::host::{Host, Placed};
use crate::serve::jobs::{Job, repeatedly};

/// How often promises that have run out are looked for. They are kept for minutes.
const EXPIRE_EVERY: Duration = Duration::from_secs(30);
/// Where the sandbox of the payment provider keeps its books, in the data directory.
const SANDBOX_LEDGER: &str = "payment-sandbox.jsonl";

/// Every module of the store, as a process sees it. One that is off here is none.
pub struct Wired {
    /// What is sold, and at what price.
    pub catalog: Option<Arc<dyn CatalogApi>>,
    /// What is there, and what is promised.
    pub inventory: Option<Arc<dyn InventoryApi>>,
    /// What shoppers intend to buy.
    pub carts: Option<Arc<dyn CartsApi>>,
    /// Money through a payment provider.
    pub payments: Option<Arc<dyn PaymentsApi>>,
    /// What was bought.
    pub orders: Option<Arc<dyn OrdersApi>>,
    /// What was placed where, in the order of [`schemas`].
    pub placed: Vec<Placed>,
    /// What the modules that run here do by themselves. Whoever serves starts them.
    pub jobs: Vec<Job>,
}

/// The data of every module, those that are called before those that call them.
#[must_use]
pub fn schemas() -> Vec<&'static ModuleSchema> {
    vec![
        &catalog::SCHEMA,
        &inventory::SCHEMA,
        &carts::SCHEMA,
        &payments::SCHEMA,
        &orders::SCHEMA,
    ]
}

/// The contract of every module.
#[must_use]
pub fn descriptions() -> Vec<ContractDescription> {
    vec![
        describe::<dyn CatalogApi>(),
        describe::<dyn InventoryApi>(),
        describe::<dyn CartsApi>(),
        describe::<dyn PaymentsApi>(),
        describe::<dyn OrdersApi>(),
    ]
}

/// Places every module as the settings say, those that are called before those that call them.
pub async fn connect(settings: &Settings, clock: Arc<dyn Clock>) -> anyhow::Result<Wired> {
    let mut host = Host::new(settings, Arc::clone(&clock))?;
    let mut jobs = Vec::new();
    let time = || Arc::clone(&clock);
    let catalog = host
        .place::<dyn CatalogApi>(&catalog::SCHEMA, |db| Ok(Arc::new(Catalog::new(db, time()))))
        .await?;
    let inventory = host
        .place::<dyn InventoryApi>(&inventory::SCHEMA, |db| {
            let inventory = Arc::new(Inventory::new(db, time()));
            let expiring = Arc::clone(&inventory);
            jobs.push(repeatedly("expiry of reservations", EXPIRE_EVERY, move || {
                let inventory = Arc::clone(&expiring);
                async move { inventory.expire(&mut CallContext::root("expiry")).await }
            }));
            Ok(inventory)
        })
        .await?;
    let carts = host
        .place::<dyn CartsApi>(&carts::SCHEMA, |db| {
            let catalog = needed(&catalog, "carts")?;
            let settings = CartsSettings {
                time_to_live: settings.carts.time_to_live,
            };
            Ok(Arc::new(Carts::new(db, time(), catalog, settings)))
        })
        .await?;
    let payments = host
        .place::<dyn PaymentsApi>(&payments::SCHEMA, |db| {
            let provider_timeout = settings.payments.provider_timeout;
            let ledger = settings.data_dir.join(SANDBOX_LEDGER);
            let provider = Arc::new(SandboxProvider::new(Some(ledger), provider_timeout)?);
            let settings = PaymentsSettings { provider_timeout };
            Ok(Arc::new(Payments::new(db, time(), provider, settings)))
        })
        .await?;
    let orders = host
        .place::<dyn OrdersApi>(&orders::SCHEMA, |db| {
            let others = Collaborators {
                carts: needed(&carts, "orders")?,
                inventory: needed(&inventory, "orders")?,
                payments: needed(&payments, "orders")?,
            };
            let (every, lease, reservation) = {
                let orders = &settings.orders;
                (orders.sweep_every, orders.lease, orders.reservation)
            };
            let orders = Arc::new(Orders::new(db, time(), others, OrdersSettings { lease, reservation }));
            let sweeping = Arc::clone(&orders);
            jobs.push(repeatedly("sweep of orders", every, move || {
                let orders = Arc::clone(&sweeping);
                async move { orders.sweep().await }
            }));
            Ok(orders)
        })
        .await?;
    Ok(Wired {
        catalog,
        inventory,
        carts,
        payments,
        orders,
        placed: host.placed,
        jobs,
    })
}

/// A module that another one calls.
fn needed<A: Contract + ?Sized>(api: &Option<Arc<A>>, by: &str) -> anyhow::Result<Arc<A>> {
    let name = A::NAME;
    api.clone().ok_or_else(|| {
        anyhow::anyhow!("{by} calls {name}, which is off here: say where it runs with --remote {name}=http://HOST:PORT")
    })
}
