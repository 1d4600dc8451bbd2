//! Registers and starts the storefront in a process.

use std::sync::Arc;

use offshoot_host::{Module, ModuleRuntime};
use storefront_api::v1::StorefrontApi;

use crate::projections::subscriptions;
use crate::{SCHEMA, Storefront};

/// The module's schema and subscriptions, for the host.
pub const MODULE: Module = Module::new(&SCHEMA).with_subscriptions(subscriptions);

/// Creates the implementation in the process of `runtime`.
pub fn start(runtime: &mut ModuleRuntime) -> anyhow::Result<Arc<dyn StorefrontApi>> {
    Ok(Arc::new(Storefront::new(runtime.db())))
}
