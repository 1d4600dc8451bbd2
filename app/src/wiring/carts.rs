//! How carts are made.

use std::sync::Arc;

use ::carts::{Carts, CartsSettings};
use carts_api::v1::CartsApi;
use catalog_api::v1::CatalogApi;
use offshoot_contract::Clock;
use offshoot_db::Db;

use crate::config::Settings;

pub(super) fn build(
    db: Db,
    clock: &Arc<dyn Clock>,
    settings: &Settings,
    catalog: Arc<dyn CatalogApi>,
) -> Arc<dyn CartsApi> {
    let settings = CartsSettings {
        time_to_live: settings.carts.time_to_live,
    };
    Arc::new(Carts::new(db, Arc::clone(clock), catalog, settings))
}
