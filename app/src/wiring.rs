//! Which modules there are and who needs whom. Only this and the folder beside it name implementations.
//!
//! Where each module runs is decided by the settings and carried out by [`Host`]; nothing here depends on it. A feature
//! per module says whether its implementation is part of this binary; its stub is, if it or whoever calls it is.

// What the table of modules becomes.
#[macro_use]
mod modules;
// How each of them is made.
#[cfg(feature = "carts")]
mod carts;
/// Who hears whose events.
pub mod hearing;
#[cfg(feature = "inventory")]
mod inventory;
#[cfg(feature = "orders")]
mod orders;
#[cfg(feature = "payments")]
mod payments;
/// Changes that span modules.
pub mod sagas;

use std::sync::Arc;

use offshoot_contract::{Clock, ContractDescription, describe};
use offshoot_db::ModuleSchema;

use crate::config::Settings;
use crate::serve::host::{Host, Placed};
use crate::serve::working::Job;

modules! {
    catalog, dyn catalog_api::v1::CatalogApi, "catalog-stub", "catalog";
    inventory, dyn inventory_api::v1::InventoryApi, "inventory-stub", "inventory";
    carts, dyn carts_api::v1::CartsApi, "carts-stub", "carts";
    payments, dyn payments_api::v1::PaymentsApi, "payments-stub", "payments";
    orders, dyn orders_api::v1::OrdersApi, "orders-stub", "orders";
    storefront, dyn storefront_api::v1::StorefrontApi, "storefront-stub", "storefront";
    notifications, dyn notifications_api::v1::NotificationsApi, "notifications-stub", "notifications";
    reporting, dyn reporting_api::v1::ReportingApi, "reporting-stub", "reporting";
}

/// Places every module as the settings say, those that are called before those that call them.
#[allow(
    unused_variables,
    clippy::needless_update,
    reason = "a binary may have none of the modules that only hear"
)]
pub async fn connect(settings: &Settings, clock: Arc<dyn Clock>) -> anyhow::Result<Wired> {
    let mut host = Host::new(settings, Arc::clone(&clock))?;

    #[cfg(feature = "catalog")]
    let catalog = host
        .place::<dyn catalog_api::v1::CatalogApi>(&::catalog::SCHEMA, |here| {
            Ok(Arc::new(::catalog::Catalog::new(here.db(), Arc::clone(&clock))))
        })
        .await?;
    #[cfg(all(feature = "catalog-stub", not(feature = "catalog")))]
    let catalog = host.call::<dyn catalog_api::v1::CatalogApi>()?;

    #[cfg(feature = "inventory")]
    let inventory = host
        .place(&::inventory::SCHEMA, |here| Ok(inventory::build(here, &clock)))
        .await?;
    #[cfg(all(feature = "inventory-stub", not(feature = "inventory")))]
    let inventory = host.call::<dyn inventory_api::v1::InventoryApi>()?;

    #[cfg(feature = "carts")]
    let carts = host
        .place(&::carts::SCHEMA, |here| {
            let catalog = needed(&catalog, "carts")?;
            Ok(carts::build(here, &clock, settings, catalog))
        })
        .await?;
    #[cfg(all(feature = "carts-stub", not(feature = "carts")))]
    let carts = host.call::<dyn carts_api::v1::CartsApi>()?;

    #[cfg(feature = "payments")]
    let payments = host
        .place(&::payments::SCHEMA, |here| payments::build(here, &clock, settings))
        .await?;
    #[cfg(all(feature = "payments-stub", not(feature = "payments")))]
    let payments = host.call::<dyn payments_api::v1::PaymentsApi>()?;

    #[cfg(feature = "orders")]
    let orders = host
        .place(&::orders::SCHEMA, |here| {
            let others = ::orders::Collaborators {
                carts: needed(&carts, "orders")?,
                inventory: needed(&inventory, "orders")?,
                payments: needed(&payments, "orders")?,
            };
            Ok(orders::build(here, &clock, settings, others))
        })
        .await?;
    #[cfg(all(feature = "orders-stub", not(feature = "orders")))]
    let orders = host.call::<dyn orders_api::v1::OrdersApi>()?;

    let hearing = hearing::connect(&mut host).await?;
    let (placed, jobs) = host.finish()?;
    Ok(Wired {
        #[cfg(feature = "catalog-stub")]
        catalog,
        #[cfg(feature = "inventory-stub")]
        inventory,
        #[cfg(feature = "carts-stub")]
        carts,
        #[cfg(feature = "payments-stub")]
        payments,
        #[cfg(feature = "orders-stub")]
        orders,
        placed,
        jobs,
        ..hearing
    })
}

/// A module that another one calls.
#[cfg(any(feature = "carts", feature = "orders"))]
fn needed<A: offshoot_contract::Contract + ?Sized>(api: &Option<Arc<A>>, by: &str) -> anyhow::Result<Arc<A>> {
    let name = A::NAME;
    api.clone().ok_or_else(|| {
        anyhow::anyhow!("{by} calls {name}, which is off here: say where it runs with --remote {name}=http://HOST:PORT")
    })
}
