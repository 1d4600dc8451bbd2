//! Start of the reporting module in a process.

use std::sync::Arc;

use offshoot_host::{Module, ModuleRuntime};
use reporting_api::v1::ReportingApi;

use crate::{Reporting, SCHEMA, subscriptions};

/// The reporting module as a host sees it.
pub const MODULE: Module = Module::new(&SCHEMA).with_subscriptions(subscriptions);

/// Makes the implementation in the process that `runtime` stands for.
pub fn start(runtime: &mut ModuleRuntime) -> anyhow::Result<Arc<dyn ReportingApi>> {
    Ok(Arc::new(Reporting::new(runtime.db())))
}
