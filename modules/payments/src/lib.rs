//! The payments module: payments through a payment provider. Implements `payments_api`.
//!
//! Must not know other modules. The provider is passed in at construction.

use std::sync::Arc;
use std::time::Duration;

use offshoot_contract::Clock;
use offshoot_db::{Db, ModuleSchema, migrations};
use offshoot_host::deserialize_duration;
use serde::Deserialize;

// One method per use case.
mod service;
// The interface of a payment provider, calls to the provider, and a sandbox provider.
mod provider;
mod provider_call;
mod sandbox;
// Rules, without a database.
mod validation;
// SQL.
mod store;
// How the module starts in a process.
mod start;

pub use crate::start::{MODULE, start};

pub use crate::provider::{AuthorizationState, Decision, PaymentProvider, ProviderFailure};
pub use crate::sandbox::{Charge, SandboxProvider, read_ledger};

/// Schema and migrations of the payments database.
pub const SCHEMA: ModuleSchema = ModuleSchema {
    module: "payments",
    migrations: migrations!("../../../migrations/payments": 1 "0001_payments"),
    tables: include_str!("../../../migrations/payments/tables.toml"),
};

/// Settings of the payments module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaymentsSettings {
    /// Timeout of one call to the provider. 3 s by default.
    #[serde(deserialize_with = "deserialize_duration")]
    pub provider_timeout: Duration,
}

impl Default for PaymentsSettings {
    fn default() -> Self {
        Self {
            provider_timeout: Duration::from_secs(3),
        }
    }
}

/// Payments module backed by its own database. Implements `payments_api::v1::PaymentsApi`.
pub struct Payments {
    db: Db,
    clock: Arc<dyn Clock>,
    provider: Arc<dyn PaymentProvider>,
    settings: PaymentsSettings,
}

impl Payments {
    /// Creates the payments module on `db`, which must be opened with [`SCHEMA`]. `provider` moves the money.
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
