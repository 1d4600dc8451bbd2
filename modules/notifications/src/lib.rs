//! The notifications: what customers are told of their orders. The implementation of `notifications_api`.
//!
//! Knows what the orders announce, and does not call them.

use offshoot_db::{Db, ModuleSchema, migrations};

// What is told of which event.
mod telling;
// One method per use case.
mod service;
// SQL.
mod store;

pub use crate::telling::{ORDERS, Teller, subscriptions};

/// The notifications' tables.
pub const SCHEMA: ModuleSchema = ModuleSchema {
    module: "notifications",
    migrations: migrations!("../../../migrations/notifications": 1 "0001_notices"),
    tables: include_str!("../../../migrations/notifications/tables.toml"),
};

/// The notifications on their own database. Implements `notifications_api::v1::NotificationsApi`.
pub struct Notifications {
    db: Db,
}

impl Notifications {
    /// Notifications whose data is in `db`, opened with [`SCHEMA`]. They are written by [`subscriptions`].
    #[must_use]
    pub fn new(db: Db) -> Self {
        Self { db }
    }
}
