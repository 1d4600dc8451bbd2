//! Registers and starts the reporting module in a process.

use std::sync::Arc;

use offshoot_host::{Module, ModuleRuntime};
use reporting_api::v1::ReportingApi;

use crate::projection::subscriptions;
use crate::{Reporting, SCHEMA};

/// The module's schema and subscriptions, for the host.
pub const MODULE: Module = Module::new(&SCHEMA).with_subscriptions(subscriptions);

/// Creates the implementation in the process of `runtime`.
pub fn start(runtime: &mut ModuleRuntime) -> anyhow::Result<Arc<dyn ReportingApi>> {
    Ok(Arc::new(Reporting::new(runtime.db())))
}
