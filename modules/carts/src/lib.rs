//! The carts: what shoppers intend to buy. The implementation of `carts_api`.
//!
//! Knows the catalog's contract, and neither its implementation nor where it runs.

use std::sync::Arc;
use std::time::Duration;

use catalog_api::v1::CatalogApi;
use offshoot_contract::{CallContext, CallFailure, Clock, Timestamp};
use offshoot_db::{Db, ModuleSchema, migrations};

// One method per use case.
mod service;
// Where prices come from, and the copy of the catalog's.
mod copy;
mod prices;
// Rules, without a database.
mod domain;
// SQL.
mod store;

pub use crate::copy::{CopyOfPrices, PRICES, subscriptions};

/// How long a cart lives untouched where nobody says otherwise: a week, so that what was put in on one weekend is
/// there on the next.
const DEFAULT_TIME_TO_LIVE: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// How long an expired cart is still known as such: a week, so that a shopper who comes back is told what happened.
const KEPT_AFTER_EXPIRY_MICROS: i64 = 7 * 24 * 60 * 60 * 1_000_000;
/// Expired carts that one transaction removes: milliseconds, for which shoppers wait on SQLite.
const REMOVED_AT_ONCE: u32 = 100;

/// The carts' tables.
pub const SCHEMA: ModuleSchema = ModuleSchema {
    module: "carts",
    migrations: migrations!("../../../migrations/carts": 1 "0001_carts", 2 "0002_known_products"),
    tables: include_str!("../../../migrations/carts/tables.toml"),
};

/// What can be set about carts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CartsSettings {
    /// How long a cart lives after it was last touched. 7 days by default.
    pub time_to_live: Duration,
}

impl Default for CartsSettings {
    fn default() -> Self {
        Self {
            time_to_live: DEFAULT_TIME_TO_LIVE,
        }
    }
}

/// The carts on their own database. Implements `carts_api::v1::CartsApi`.
pub struct Carts {
    db: Db,
    clock: Arc<dyn Clock>,
    catalog: Arc<dyn CatalogApi>,
    settings: CartsSettings,
}

impl Carts {
    /// Carts whose data is in `db`, opened with [`SCHEMA`]. `clock` decides what has expired; `catalog` is asked for
    /// products and prices, and while it is away the copy that [`subscriptions`] keep answers.
    #[must_use]
    pub fn new(db: Db, clock: Arc<dyn Clock>, catalog: Arc<dyn CatalogApi>, settings: CartsSettings) -> Self {
        Self {
            db,
            clock,
            catalog,
            settings,
        }
    }

    /// Removes the carts that expired more than a week ago; answers how many.
    pub async fn remove_expired(&self, cx: &mut CallContext) -> Result<u64, CallFailure> {
        let now = self.clock.now().as_micros();
        let Ok(before) = Timestamp::from_micros(now - KEPT_AFTER_EXPIRY_MICROS) else {
            return Ok(0);
        };
        let mut sum = 0;
        loop {
            let mut tx = self.db.begin(cx).await?;
            let removed = store::remove_expired(&mut tx, before, REMOVED_AT_ONCE).await?;
            tx.commit_part().await?;
            sum += removed;
            if removed < u64::from(REMOVED_AT_ONCE) {
                return Ok(sum);
            }
        }
    }
}
