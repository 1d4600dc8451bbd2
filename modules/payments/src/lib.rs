//! The payments: money through a payment provider. The implementation of `payments_api`.
//!
//! Knows no other module. Which provider moves the money is decided by whoever builds it.

use std::sync::Arc;
use std::time::Duration;

use offshoot_contract::Clock;
use offshoot_db::{Db, ModuleSchema, migrations};

// One method per use case.
mod service;
// What a provider must do, how it is asked, and one for trying out.
mod asking;
mod provider;
mod sandbox;
// Rules, without a database.
mod validation;
// SQL.
mod store;

pub use crate::provider::{Decision, Found, PaymentProvider, ProviderFailure};
pub use crate::sandbox::{Charge, SandboxProvider, read_ledger};

/// The payments' tables.
pub const SCHEMA: ModuleSchema = ModuleSchema {
    module: "payments",
    migrations: migrations!("../../../migrations/payments": 1 "0001_payments"),
    tables: include_str!("../../../migrations/payments/tables.toml"),
};

/// What can be set about payments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PaymentsSettings {
    /// How long the provider may take to answer one question. 3 s by default.
    pub provider_timeout: Duration,
}

impl Default for PaymentsSettings {
    fn default() -> Self {
        Self {
            provider_timeout: Duration::from_secs(3),
        }
    }
}

/// The payments on their own database. Implements `payments_api::v1::PaymentsApi`.
pub struct Payments {
    db: Db,
    clock: Arc<dyn Clock>,
    provider: Arc<dyn PaymentProvider>,
    settings: PaymentsSettings,
}

impl Payments {
    /// Payments whose data is in `db`, opened with [`SCHEMA`], through `provider`.
    #[must_use]
    pub fn new(db: Db, clock: Arc<dyn Clock>, provider: Arc<dyn PaymentProvider>, settings: PaymentsSettings) -> Self {
        Self {
            db,
            clock,
            provider,
            settings,
        }
    }
}
