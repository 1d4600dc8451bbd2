//! Calls to the payment provider: with a timeout, counted as effects, and never inside a transaction. Must not know the
//! database.

use std::sync::Arc;

use offshoot_contract::{CallContext, CallFailure, FailureKind};
use tokio::time::timeout;

use crate::Payments;
use crate::provider::{PaymentProvider, ProviderFailure};

impl Payments {
    /// Calls the provider. The call counts as an effect, because no rollback can undo the call; a call certainly without
    /// execution does not count.
    pub(crate) async fn call_provider<T, F>(
        &self,
        cx: &mut CallContext,
        request: impl FnOnce(Arc<dyn PaymentProvider>) -> F,
    ) -> Result<T, ProviderFailure>
    where
        F: Future<Output = Result<T, ProviderFailure>>,
    {
        let limit = self.settings.provider_timeout.min(cx.time_left());
        cx.count_effect();
        let answer = timeout(limit, request(Arc::clone(&self.provider))).await;
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

/// Maps a failure of the provider to a failure of the call.
pub(crate) fn to_call_failure(failure: ProviderFailure) -> CallFailure {
    let message = failure.to_string();
    let result = match &failure {
        ProviderFailure::Unavailable => CallFailure::not_executed(FailureKind::Unavailable, message),
        ProviderFailure::Unknown => CallFailure::maybe_executed(FailureKind::Timeout, message),
        ProviderFailure::Refused { .. } => CallFailure::internal(message),
    };
    result.caused_by(failure)
}
