//! Notifications module: writes notices to customers about their orders. Implements `notifications_api`.
//!
//! Subscribes to the events of the orders module. Calls no other module and sends no mail.

use offshoot_db::{Db, ModuleSchema, migrations};

// Order events and the notices that they cause.
mod notices;
// One method per use case.
mod service;
// SQL.
mod store;
// How the module starts in a process.
mod start;

pub use crate::start::{MODULE, start};

pub use crate::notices::{NoticeWriter, ORDERS_SUBSCRIPTION, subscriptions};

/// Schema and migrations of the notifications database.
pub const SCHEMA: ModuleSchema = ModuleSchema {
    module: "notifications",
    migrations: migrations!("../../../migrations/notifications": 1 "0001_notices"),
    tables: include_str!("../../../migrations/notifications/tables.toml"),
};

/// Notifications module backed by its own database. Implements `notifications_api::v1::NotificationsApi`.
pub struct Notifications {
    db: Db,
}

impl Notifications {
    /// Creates the notifications module on `db`, which must be opened with [`SCHEMA`]. [`subscriptions`] write the notices.
    #[must_use]
    pub fn new(db: Db) -> Self {
        Self { db }
    }
}
