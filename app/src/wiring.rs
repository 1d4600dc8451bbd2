//! Which modules there are and who needs whom. The only place that names implementations.
//!
//! Where each module runs is decided by the settings and carried out by [`Host`]; nothing here depends on it.

use std::sync::Arc;

use carts::{Carts, CartsSettings};
use carts_api::v1::CartsApi;
use catalog::Catalog;
use catalog_api::v1::CatalogApi;
use offshoot_contract::{Clock, Contract, ContractDescription, describe};
use offshoot_db::ModuleSchema;

use crate::config::Settings;
use crate::serve::host::{Host, Placed};

/// Every module of the store, as a process sees it.
pub struct Wired {
    /// The catalog, unless it is off here.
    pub catalog: Option<Arc<dyn CatalogApi>>,
    /// The carts, unless they are off here.
    pub carts: Option<Arc<dyn CartsApi>>,
    /// What was placed where, in the order of [`schemas`].
    pub placed: Vec<Placed>,
}

/// The data of every module.
#[must_use]
pub fn schemas() -> Vec<&'static ModuleSchema> {
    vec![&catalog::SCHEMA, &carts::SCHEMA]
}

/// The contract of every module.
#[must_use]
pub fn descriptions() -> Vec<ContractDescription> {
    vec![describe::<dyn CatalogApi>(), describe::<dyn CartsApi>()]
}

/// Places every module as the settings say, those that are called before those that call them.
pub async fn connect(settings: &Settings, clock: Arc<dyn Clock>) -> anyhow::Result<Wired> {
    let mut host = Host::new(settings, Arc::clone(&clock))?;
    let catalog = host
        .place::<dyn CatalogApi>(&catalog::SCHEMA, |db| {
            Ok(Arc::new(Catalog::new(db, Arc::clone(&clock))))
        })
        .await?;
    let carts = host
        .place::<dyn CartsApi>(&carts::SCHEMA, |db| {
            let catalog = needed(&catalog, "carts")?;
            let settings = CartsSettings {
                time_to_live: settings.carts.time_to_live,
            };
            Ok(Arc::new(Carts::new(db, Arc::clone(&clock), catalog, settings)))
        })
        .await?;
    Ok(Wired {
        catalog,
        carts,
        placed: host.placed,
    })
}

/// A module that another one calls.
fn needed<A: Contract + ?Sized>(api: &Option<Arc<A>>, by: &str) -> anyhow::Result<Arc<A>> {
    let name = A::NAME;
    api.clone().ok_or_else(|| {
        anyhow::anyhow!("{by} calls {name}, which is off here: say where it runs with --remote {name}=http://HOST:PORT")
    })
}
