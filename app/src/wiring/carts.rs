//! How carts are made.

use std::sync::Arc;

use ::carts::{Carts, CartsSettings};
use carts_api::v1::CartsApi;
use catalog_api::v1::CatalogApi;
use offshoot_contract::Clock;

use crate::config::Settings;
use crate::serve::working::Working;

pub(super) fn build(
    here: &mut Working,
    clock: &Arc<dyn Clock>,
    settings: &Settings,
    catalog: Arc<dyn CatalogApi>,
) -> Arc<dyn CartsApi> {
    let settings = CartsSettings {
        time_to_live: settings.carts.time_to_live,
    };
    here.subscribe(::carts::subscriptions());
    Arc::new(Carts::new(here.db(), Arc::clone(clock), catalog, settings))
}
