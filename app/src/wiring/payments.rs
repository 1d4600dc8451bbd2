//! How payments are made, and who provides them.

use std::sync::Arc;

use ::payments::{Payments, PaymentsSettings, SandboxProvider};
use offshoot_contract::Clock;
use payments_api::v1::PaymentsApi;

use crate::config::Settings;
use crate::serve::working::Working;

/// Where the sandbox of the payment provider keeps its books, in the data directory.
const SANDBOX_LEDGER: &str = "payment-sandbox.jsonl";

pub(super) fn build(
    here: &mut Working,
    clock: &Arc<dyn Clock>,
    settings: &Settings,
) -> anyhow::Result<Arc<dyn PaymentsApi>> {
    let provider_timeout = settings.payments.provider_timeout;
    let ledger = settings.data_dir.join(SANDBOX_LEDGER);
    let provider = Arc::new(SandboxProvider::new(Some(ledger), provider_timeout)?);
    let settings = PaymentsSettings { provider_timeout };
    Ok(Arc::new(Payments::new(
        here.db(),
        Arc::clone(clock),
        provider,
        settings,
    )))
}
