//! The orders: what was bought. The implementation of `orders_api`.
//!
//! Knows the contracts of carts, inventory and payments, and neither their implementations nor where they run.

use std::sync::Arc;
use std::time::Duration;

use carts_api::v1::CartsApi;
use inventory_api::v1::InventoryApi;
use offshoot_contract::Clock;
use offshoot_db::{Db, Migration, ModuleSchema};
use payments_api::v1::PaymentsApi;

// One method per use case.
mod service;
// A purchase from the cart to the last step, and its undoing.
mod checkout;
// What a confirmed order still has to do, and goods that come back.
mod finishing;
mod taking_back;
// What was interrupted is taken up again.
mod sweeper;
// What an order does in other modules, one call per step.
mod calls;
mod setback;
mod step;
// Rules, without a database.
mod domain;
mod sales;
// SQL.
mod store;

/// The orders' tables.
pub const SCHEMA: ModuleSchema = ModuleSchema {
    module: "orders",
    migrations: &[Migration {
        version: 1,
        name: "0001_orders",
        sqlite: include_str!("../../../migrations/orders/sqlite/0001_orders.sql"),
        postgres: include_str!("../../../migrations/orders/postgres/0001_orders.sql"),
    }],
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
}

impl Orders {
    /// Orders whose data is in `db`, opened with [`SCHEMA`].
    #[must_use]
    pub fn new(db: Db, clock: Arc<dyn Clock>, others: Collaborators, settings: OrdersSettings) -> Self {
        Self {
            db,
            clock,
            others,
            settings,
        }
    }
}
