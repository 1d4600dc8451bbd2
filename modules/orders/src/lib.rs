//! The orders: what was bought. The implementation of `orders_api`.
//!
//! Knows the contracts of carts, inventory and payments, and neither their implementations nor where they run.

use std::sync::Arc;
use std::time::Duration;

use carts_api::v1::CartsApi;
use inventory_api::v1::InventoryApi;
use offshoot_contract::{CallFailure, Clock};
use offshoot_db::{Db, ModuleSchema, migrations};
use offshoot_saga::{SagaSettings, Sagas};
use payments_api::v1::PaymentsApi;

use crate::checkout_saga::CHECKOUT;
use crate::return_saga::{CANCELLATION, RETURN};

// One method per use case.
mod service;
// A purchase, and goods that come back: what each does elsewhere, and the calls that begin it.
mod checkout;
mod checkout_saga;
mod return_saga;
mod taking_back;
// What a step works on, how it is done, and how it fails.
mod calls;
mod setback;
mod work;
// What is told of an order.
mod news;
// Rules, without a database.
mod domain;
mod sales;
// SQL.
mod store;

/// The orders' tables.
pub const SCHEMA: ModuleSchema = ModuleSchema {
    module: "orders",
    migrations: migrations!("../../../migrations/orders": 1 "0001_orders", 2 "0002_open_steps"),
    tables: include_str!("../../../migrations/orders/tables.toml"),
};

/// What can be set about orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrdersSettings {
    /// How long an execution that says nothing is left alone before another takes its order over. Longer than a
    /// checkout may take: 30 s by default.
    pub lease: Duration,
    /// How long goods are promised to an order that is not confirmed. Longer than any interruption that an order shall
    /// survive: 15 minutes by default.
    pub reservation: Duration,
}

impl Default for OrdersSettings {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(30),
            reservation: Duration::from_secs(15 * 60),
        }
    }
}

/// The modules that an order needs.
pub struct Collaborators {
    /// What is bought.
    pub carts: Arc<dyn CartsApi>,
    /// Where the goods come from.
    pub inventory: Arc<dyn InventoryApi>,
    /// Where the money goes.
    pub payments: Arc<dyn PaymentsApi>,
}

/// The orders on their own database. Implements `orders_api::v1::OrdersApi`.
pub struct Orders {
    db: Db,
    clock: Arc<dyn Clock>,
    others: Collaborators,
    settings: OrdersSettings,
    sagas: Sagas<Orders>,
}

impl Orders {
    /// Orders whose data is in `db`, opened with [`SCHEMA`].
    #[must_use]
    pub fn new(db: Db, clock: Arc<dyn Clock>, others: Collaborators, settings: OrdersSettings) -> Self {
        let lease = SagaSettings {
            lease: settings.lease,
            ..SagaSettings::default()
        };
        let definitions = vec![CHECKOUT, RETURN, CANCELLATION];
        let sagas = Sagas::new(db.clone(), Arc::clone(&clock), lease, definitions);
        Self {
            db,
            clock,
            others,
            settings,
            sagas,
        }
    }

    /// Takes up what nobody works on. Answers how many sagas it brought to their end. Any process may do it at any time.
    pub async fn sweep(&self) -> Result<u64, CallFailure> {
        self.sagas.resume_due(self).await
    }
}

/// The kinds of sagas that this binary carries on, with their versions.
pub const SAGAS: &[(&str, u32)] = &[
    (CHECKOUT.kind, CHECKOUT.version),
    (RETURN.kind, RETURN.version),
    (CANCELLATION.kind, CANCELLATION.version),
];
