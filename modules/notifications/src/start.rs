//! Registers and starts the notifications module in a process.

use std::sync::Arc;

use notifications_api::v1::NotificationsApi;
use offshoot_host::{Module, ModuleRuntime};

use crate::notices::subscriptions;
use crate::{Notifications, SCHEMA};

/// The module's schema and subscriptions, for the host.
pub const MODULE: Module = Module::new(&SCHEMA).with_subscriptions(subscriptions);

/// Creates the implementation in the process of `runtime`.
pub fn start(runtime: &mut ModuleRuntime) -> anyhow::Result<Arc<dyn NotificationsApi>> {
    Ok(Arc::new(Notifications::new(runtime.db())))
}
