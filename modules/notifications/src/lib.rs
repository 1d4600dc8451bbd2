//! The notifications module: notices to customers about their orders. Implements `notifications_api`.
//!
//! Subscribes to the orders' events, and does not call the orders.

use offshoot_db::{Db, ModuleSchema, migrations};

// Notices by event.
mod telling;
// One method per use case.
mod service;
// SQL.
mod store;
// How the module starts in a process.
mod start;

pub use crate::start::{MODULE, start};

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
    /// Notifications whose data is in `db`, opened with [`SCHEMA`]. The [`subscriptions`] write the notices.
    #[must_use]
    pub fn new(db: Db) -> Self {
        Self { db }
    }
}
