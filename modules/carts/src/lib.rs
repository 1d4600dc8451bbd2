//! The carts module: shopping carts. Implements `carts_api`.
//!
//! Knows the catalog contract. Must not know the implementation or the placement of the catalog.

use std::sync::Arc;
use std::time::Duration;

use catalog_api::v1::CatalogApi;
use offshoot_contract::{CallContext, CallFailure, Clock, Timestamp};
use offshoot_db::{Db, ModuleSchema, migrations};
use offshoot_host::deserialize_duration;
use serde::Deserialize;

// One method per use case.
mod service;
// Prices from the catalog, and the projection used while the catalog is unreachable.
mod prices;
mod projection;
// Rules, without a database.
mod domain;
// SQL.
mod store;
// How the module starts in a process.
mod start;

pub use crate::start::{MODULE, start};

pub use crate::projection::{PRICES_SUBSCRIPTION, PricesProjection, subscriptions};

/// Default lifetime of an unchanged cart: a week, so that a cart filled on one weekend still exists on the next.
const DEFAULT_TIME_TO_LIVE: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// How long an expired cart is kept: a week, so that a returning shopper gets `CartExpired` and not `UnknownCart`.
const RETENTION_AFTER_EXPIRY_MICROS: i64 = 7 * 24 * 60 * 60 * 1_000_000;
/// Expired carts removed per transaction. A batch takes milliseconds; on SQLite other writers wait that long.
const REMOVAL_BATCH: u32 = 100;

/// Schema and migrations of the carts database.
pub const SCHEMA: ModuleSchema = ModuleSchema {
    module: "carts",
    migrations: migrations!("../../../migrations/carts": 1 "0001_carts", 2 "0002_projected_products"),
    tables: include_str!("../../../migrations/carts/tables.toml"),
};

/// Settings of the carts module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CartsSettings {
    /// Lifetime of a cart after the last change. 7 days by default.
    #[serde(deserialize_with = "deserialize_duration")]
    pub time_to_live: Duration,
}

impl Default for CartsSettings {
    fn default() -> Self {
        Self {
            time_to_live: DEFAULT_TIME_TO_LIVE,
        }
    }
}

/// Carts module backed by its own database. Implements `carts_api::v1::CartsApi`.
pub struct Carts {
    db: Db,
    clock: Arc<dyn Clock>,
    catalog: Arc<dyn CatalogApi>,
    settings: CartsSettings,
}

impl Carts {
    /// Creates the carts module on `db`, which must be opened with [`SCHEMA`]. `clock` decides which carts have
    /// expired. Products and prices come from `catalog`, or from the projection fed by [`subscriptions`] while
    /// `catalog` is unreachable.
    #[must_use]
    pub fn new(db: Db, clock: Arc<dyn Clock>, catalog: Arc<dyn CatalogApi>, settings: CartsSettings) -> Self {
        Self {
            db,
            clock,
            catalog,
            settings,
        }
    }

    /// Removes the carts that expired more than a week ago. Returns the number of removed carts.
    pub async fn remove_expired(&self, cx: &mut CallContext) -> Result<u64, CallFailure> {
        let now = self.clock.now().as_micros();
        let Ok(before) = Timestamp::from_micros(now - RETENTION_AFTER_EXPIRY_MICROS) else {
            return Ok(0);
        };
        let mut sum = 0;
        loop {
            let mut tx = self.db.begin(cx).await?;
            let removed = store::remove_expired(&mut tx, before, REMOVAL_BATCH).await?;
            tx.commit_part().await?;
            sum += removed;
            if removed < u64::from(REMOVAL_BATCH) {
                return Ok(sum);
            }
        }
    }
}
