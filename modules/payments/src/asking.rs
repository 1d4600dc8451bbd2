//! How the provider is asked: within bounds of time, and never inside a transaction. Knows no database.

use std::sync::Arc;

use offshoot_contract::{CallContext, CallFailure, FailureKind};
use tokio::time::timeout;

use crate::Payments;
use crate::provider::{PaymentProvider, ProviderFailure};

impl Payments {
    /// Asks the provider for something that changes money. Counted as an effect, since nobody takes it back.
    pub(crate) async fn ask<T, F>(
        &self,
        cx: &mut CallContext,
        question: impl FnOnce(Arc<dyn PaymentProvider>) -> F,
    ) -> Result<T, ProviderFailure>
    where
        F: Future<Output = Result<T, ProviderFailure>>,
    {
        let patience = self.settings.provider_timeout.min(cx.time_left());
        cx.count_effect();
        let answer = timeout(patience, question(Arc::clone(&self.provider))).await;
        let answer = answer.unwrap_or(Err(ProviderFailure::Unknown));
        if matches!(
            answer,
            Err(ProviderFailure::Unavailable | ProviderFailure::Refused { .. })
        ) {
            cx.uncount_effect();
        }
        answer
    }
}

/// A provider's failure as the call's.
pub(crate) fn failed(failure: ProviderFailure) -> CallFailure {
    let message = failure.to_string();
    let result = match &failure {
        ProviderFailure::Unavailable => CallFailure::not_executed(FailureKind::Unavailable, message),
        ProviderFailure::Unknown => CallFailure::maybe_executed(FailureKind::Timeout, message),
        ProviderFailure::Refused { .. } => CallFailure::internal(message),
    };
    result.caused_by(failure)
}
