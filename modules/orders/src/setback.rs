//! Why a step of an order does not succeed, and what the caller of a checkout is told. Knows no database.

use offshoot_contract::CallFailure;
use orders_api::OrderId;
use orders_api::v1::{FailureReason, Order, OrderStatus, OrdersError};

/// What a step can end with instead of success.
pub(crate) type Setback = offshoot_saga::Setback<FailureReason>;

/// An answer that the other module does not give to this question.
pub(crate) fn unexpected(answer: impl std::error::Error + Send + Sync + 'static) -> Setback {
    let what = "another module gave an answer that it does not give to this question";
    Setback::Trouble(CallFailure::internal(what).caused_by(answer))
}

/// What the caller of a checkout is told about an order: itself, or why it came to nothing.
pub(crate) fn outcome(order: Order) -> Result<Order, OrdersError> {
    match (order.status, order.failure) {
        (OrderStatus::Failed, Some(reason)) => Err(refusal(order.id, reason)),
        (_, failure) => Ok(Order { failure, ..order }),
    }
}

fn refusal(order_id: OrderId, reason: FailureReason) -> OrdersError {
    match reason {
        FailureReason::InsufficientStock { lines } => OrdersError::InsufficientStock { order_id, lines },
        FailureReason::PaymentDeclined { why } => OrdersError::PaymentDeclined { order_id, reason: why },
        FailureReason::Interrupted => OrdersError::CheckoutInterrupted { order_id },
    }
}
