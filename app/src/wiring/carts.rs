//! How carts are made.

use std::sync::Arc;
use std::time::Duration;

use ::carts::{Carts, CartsSettings};
use carts_api::v1::CartsApi;
use catalog_api::v1::CatalogApi;
use offshoot_contract::Clock;

use crate::config::Settings;
use crate::serve::working::Working;

/// How often carts that expired long ago are removed. They are kept for a week.
const REMOVE_EVERY: Duration = Duration::from_secs(10 * 60);

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
    let carts = Arc::new(Carts::new(here.db(), Arc::clone(clock), catalog, settings));
    let cleaning = Arc::clone(&carts);
    here.repeatedly("removal of carts", REMOVE_EVERY, move |mut cx| {
        let carts = Arc::clone(&cleaning);
        async move { carts.remove_expired(&mut cx).await }
    });
    carts
}
