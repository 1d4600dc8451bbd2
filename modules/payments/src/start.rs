//! Start of the payments module in a process: its data, settings and provider.

use std::sync::Arc;

use offshoot_host::{Module, ModuleRuntime};
use payments_api::v1::PaymentsApi;

use crate::sandbox::SandboxProvider;
use crate::{Payments, PaymentsSettings, SCHEMA};

/// File in the data directory in which the sandbox of the payment provider keeps its ledger.
const SANDBOX_LEDGER: &str = "payment-sandbox.jsonl";

/// Description of the payments module for a host.
pub const MODULE: Module = Module::new(&SCHEMA).with_settings::<PaymentsSettings>();

/// Starts the module in the process of `runtime`, with the sandbox as the provider.
pub fn start(runtime: &mut ModuleRuntime) -> anyhow::Result<Arc<dyn PaymentsApi>> {
    let settings: PaymentsSettings = runtime.settings()?;
    let ledger = runtime.data_dir().join(SANDBOX_LEDGER);
    let provider = Arc::new(SandboxProvider::new(Some(ledger), settings.provider_timeout)?);
    Ok(Arc::new(Payments::new(
        runtime.db(),
        runtime.clock(),
        provider,
        settings,
    )))
}
