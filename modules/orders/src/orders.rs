//! The orders module as a value: its database, clock, settings, sagas and the modules that orders call. Knows no use
//! case.

use std::sync::Arc;
use std::time::Duration;

use carts_api::v1::CartsApi;
use inventory_api::v1::InventoryApi;
use offshoot_contract::Clock;
use offshoot_db::Db;
use offshoot_host::deserialize_duration;
use offshoot_saga::Sagas;
use payments_api::v1::PaymentsApi;
use serde::Deserialize;

/// Settings of the orders module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrdersSettings {
    /// Lease of a saga execution: after this time without a commit another execution may take the order over. Must
    /// exceed the duration of a checkout. Default: 30 s.
    #[serde(deserialize_with = "deserialize_duration")]
    pub lease: Duration,
    /// How long stock stays reserved for an unconfirmed order. Must exceed any interruption that an order shall
    /// survive. Default: 15 minutes.
    #[serde(deserialize_with = "deserialize_duration")]
    pub reservation: Duration,
    /// Interval of the search for interrupted orders. Default: 1 s.
    #[serde(deserialize_with = "deserialize_duration")]
    pub sweep_every: Duration,
}

impl Default for OrdersSettings {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(30),
            reservation: Duration::from_secs(15 * 60),
            sweep_every: Duration::from_secs(1),
        }
    }
}

/// The modules that the orders module calls.
pub struct Collaborators {
    /// Carts to check out.
    pub carts: Arc<dyn CartsApi>,
    /// Stock to reserve, ship and return.
    pub inventory: Arc<dyn InventoryApi>,
    /// Payments to authorize, capture and refund.
    pub payments: Arc<dyn PaymentsApi>,
}

/// The orders module on its own database. Implements `orders_api::v1::OrdersApi`.
pub struct Orders {
    pub(crate) db: Db,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) collaborators: Collaborators,
    pub(crate) settings: OrdersSettings,
    pub(crate) sagas: Sagas<Orders>,
}
