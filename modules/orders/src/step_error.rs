//! Mapping of call failures to step errors. Knows no database.

use offshoot_contract::CallFailure;
use orders_api::v1::FailureReason;

/// Error of a step of an order's saga.
pub(crate) type StepError = offshoot_saga::StepError<FailureReason>;

/// An error that the other module's contract does not give for this call.
pub(crate) fn unexpected_error(error: impl std::error::Error + Send + Sync + 'static) -> StepError {
    let message = "another module answered with an error that this call does not expect";
    StepError::Retryable(CallFailure::internal(message).caused_by(error))
}
