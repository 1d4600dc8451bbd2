//! The modules of the store: one declaration each. Only this file names implementations.
//!
//! Where each module runs is decided by the settings and carried out by the host; nothing here depends on placement.

// The macros behind the declarations.
#[macro_use]
mod declare;
// Mistakes in the declarations, found when a process starts.
mod agreement;

use std::sync::Arc;

use offshoot_contract::{Contract, ContractDescription, Contracts, describe};
use offshoot_db::ModuleSchema;
use offshoot_host::{Declaration, Host, HostOptions, HostedModule, Job, Module};
use uuid::Uuid;

#[cfg(feature = "store")]
pub(crate) use self::agreement::origin;
use self::agreement::require_agreement;

// Callees before callers. The first feature builds the implementation into the binary, the second the stub.
modules! {
    catalog: catalog_api::v1::CatalogApi, "catalog", "catalog-stub";
    inventory: inventory_api::v1::InventoryApi, "inventory", "inventory-stub";
    carts: carts_api::v1::CartsApi, "carts", "carts-stub", calls [catalog], subscribes_to [catalog];
    payments: payments_api::v1::PaymentsApi, "payments", "payments-stub";
    orders: orders_api::v1::OrdersApi, "orders", "orders-stub", calls [carts, inventory, payments];
    storefront: storefront_api::v1::StorefrontApi, "storefront", "storefront-stub", subscribes_to [catalog, inventory];
    notifications: notifications_api::v1::NotificationsApi, "notifications", "notifications-stub", subscribes_to [orders];
    reporting: reporting_api::v1::ReportingApi, "reporting", "reporting-stub", subscribes_to [orders];
}

// Callers that are not modules: the public API, and the tools of the command line.
origins! {
    public: calls [catalog, inventory, carts, orders, storefront, notifications, reporting];
    import: calls [catalog, inventory, orders];
    replay: calls [catalog, inventory, payments, orders];
}

/// The names of all modules, callees before callers.
pub fn names() -> impl Iterator<Item = &'static str> {
    DECLARATIONS.iter().map(|declaration| declaration.name)
}

/// The declaration of `module`.
#[allow(dead_code, reason = "a binary may have no implementation at all")]
fn declaration(module: &str) -> &'static Declaration {
    let found = DECLARATIONS.iter().find(|declaration| declaration.name == module);
    found.expect("the macro declares each module that it places")
}

/// The data of each module that is part of this binary, callees before callers.
#[must_use]
pub fn schemas() -> Vec<&'static ModuleSchema> {
    implementations().iter().map(|module| module.schema).collect()
}

/// Whether the implementation of `module` is part of this binary.
#[must_use]
pub fn is_built(module: &str) -> bool {
    schemas().iter().any(|schema| schema.module == module)
}

/// The modules and origins that may call `module`: each declares to call `module`, or to subscribe to its events.
#[must_use]
pub fn callers_of(module: &str) -> Vec<&'static str> {
    DECLARATIONS
        .iter()
        .chain(ORIGINS)
        .filter(|declaration| declaration.depends_on(module))
        .map(|declaration| declaration.name)
        .collect()
}

/// A module that another one calls.
#[allow(dead_code, reason = "a binary may have no module that calls another")]
fn required<A: Contract + ?Sized>(api: &Option<Arc<A>>, caller: &str) -> anyhow::Result<Arc<A>> {
    let callee = A::NAME;
    api.clone().ok_or_else(|| {
        anyhow::anyhow!(
            "{caller} calls {callee}, which is off here: say where {callee} runs with --remote {callee}=http://HOST:PORT"
        )
    })
}
