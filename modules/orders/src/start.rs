//! Start of the orders module in a process: schema, settings, sagas and background job.

use std::sync::Arc;

use carts_api::v1::CartsApi;
use inventory_api::v1::InventoryApi;
use offshoot_contract::{CallFailure, Clock};
use offshoot_db::{Db, ModuleSchema, migrations};
use offshoot_host::{Module, ModuleRuntime};
use offshoot_saga::{SagaSettings, Sagas};
use orders_api::v1::OrdersApi;
use payments_api::v1::PaymentsApi;

use crate::checkout_saga::CHECKOUT;
use crate::orders::{Collaborators, Orders, OrdersSettings};
use crate::return_saga::{CANCELLATION, RETURN};

/// Schema of the orders module.
pub const SCHEMA: ModuleSchema = ModuleSchema {
    module: "orders",
    migrations: migrations!("../../../migrations/orders": 1 "0001_orders", 2 "0002_open_steps"),
    tables: include_str!("../../../migrations/orders/tables.toml"),
};

/// Saga kinds and versions that this binary can resume.
pub const SAGAS: &[(&str, u32)] = &[
    (CHECKOUT.kind, CHECKOUT.version),
    (RETURN.kind, RETURN.version),
    (CANCELLATION.kind, CANCELLATION.version),
];

/// Description of the orders module for a host.
pub const MODULE: Module = Module::new(&SCHEMA).with_sagas(SAGAS).with_settings::<OrdersSettings>();

/// Starts the module in the process of `runtime`, with the modules that orders call, and the job that resumes sagas.
/// Fails if the settings of the module are invalid.
pub fn start(
    runtime: &mut ModuleRuntime,
    carts: Arc<dyn CartsApi>,
    inventory: Arc<dyn InventoryApi>,
    payments: Arc<dyn PaymentsApi>,
) -> anyhow::Result<Arc<dyn OrdersApi>> {
    let settings: OrdersSettings = runtime.settings()?;
    let collaborators = Collaborators {
        carts,
        inventory,
        payments,
    };
    let orders = Arc::new(Orders::new(runtime.db(), runtime.clock(), collaborators, settings));
    let resuming = Arc::clone(&orders);
    runtime.repeat("resumption of orders", settings.sweep_every, move |_| {
        let orders = Arc::clone(&resuming);
        async move { orders.resume_sagas().await }
    });
    Ok(orders)
}

impl Orders {
    /// The orders module on `db`, opened with [`SCHEMA`].
    #[must_use]
    pub fn new(db: Db, clock: Arc<dyn Clock>, collaborators: Collaborators, settings: OrdersSettings) -> Self {
        let saga_settings = SagaSettings {
            lease: settings.lease,
            ..SagaSettings::default()
        };
        let definitions = vec![CHECKOUT, RETURN, CANCELLATION];
        let sagas = Sagas::new(db.clone(), Arc::clone(&clock), saga_settings, definitions);
        Self {
            db,
            clock,
            collaborators,
            settings,
            sagas,
        }
    }

    /// Resumes due sagas. Returns the number of sagas that ended. Safe in any number of processes at any time.
    pub async fn resume_sagas(&self) -> Result<u64, CallFailure> {
        self.sagas.resume_due(self).await
    }
}
