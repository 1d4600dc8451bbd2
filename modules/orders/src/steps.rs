//! Steps of an order's saga as calls to other modules. Every call may be repeated: a reference stands for one effect.
//!
//! Knows no database: the saga logs an intent before each call, and the outcome after.

use inventory_api::v1::{
    InventoryError, MAX_BULK_ITEMS, MovementKind, MovementOutcome, NewMovement, ReservedLine, Shortage,
};
use offshoot_contract::{CallContext, CallFailure, FailureKind, Money, Timestamp};
use offshoot_saga::StepContext;
use orders_api::v1::{FailureReason, ReturnedLine, ShortLine};
use payments_api::v1::{PaymentStatus, PaymentToken, PaymentsError};

use crate::domain::{Order, OrderLine};
use crate::orders::Orders;
use crate::step_error::{StepError, unexpected_error};

/// Names of steps with references that later steps use.
const RESERVE: &str = "reserve";
const AUTHORIZE: &str = "authorize";

type OrderStep<'a> = StepContext<'a, Orders>;
type StepResult = Result<(), StepError>;

impl Orders {
    /// Reserves the stock of all lines. Refused with the lines that fall short.
    pub(crate) async fn reserve(&self, cx: &mut CallContext, step: OrderStep<'_>) -> StepResult {
        let order = &step.state.order;
        let lines = order.lines.iter().map(|line| ReservedLine {
            product_id: line.product_id,
            quantity: line.quantity,
        });
        let expires_at = self.clock.now().plus(self.settings.reservation);
        let inventory = &self.collaborators.inventory;
        let answer = inventory.reserve(cx, step.key(), lines.collect(), expires_at).await;
        answer.map(drop).map_err(|error| from_inventory_error(order, error))
    }

    /// Authorizes the order's total. A resumed saga has no token and settles the payment instead.
    pub(crate) async fn authorize(&self, cx: &mut CallContext, step: OrderStep<'_>) -> StepResult {
        match &step.state.token {
            Some(token) => {
                let total = step.state.order.total;
                self.authorize_payment(cx, step.key(), total, token.clone()).await
            }
            None => self.settle_payment(cx, step.key()).await,
        }
    }

    async fn authorize_payment(
        &self,
        cx: &mut CallContext,
        reference: String,
        total: Money,
        token: PaymentToken,
    ) -> StepResult {
        match self.collaborators.payments.authorize(cx, reference, total, token).await {
            Ok(_) => Ok(()),
            Err(PaymentsError::PaymentDeclined { reason: why } | PaymentsError::InvalidPayment { reason: why, .. }) => {
                Err(StepError::Refused(FailureReason::PaymentDeclined { why }))
            }
            Err(error) => Err(from_payments_error(error)),
        }
    }

    async fn settle_payment(&self, cx: &mut CallContext, reference: String) -> StepResult {
        let payment = match self.collaborators.payments.settle(cx, reference).await {
            Ok(payment) => payment,
            Err(PaymentsError::UnknownPayment { .. }) => return Err(StepError::Refused(FailureReason::Interrupted)),
            Err(error) => return Err(from_payments_error(error)),
        };
        match payment.status {
            PaymentStatus::Authorized | PaymentStatus::Captured => Ok(()),
            PaymentStatus::Voided => Err(StepError::Refused(FailureReason::Interrupted)),
            PaymentStatus::Declined => Err(StepError::Refused(FailureReason::PaymentDeclined {
                why: payment.decline_reason.unwrap_or_default(),
            })),
            PaymentStatus::Pending => {
                let message = "the payment is still pending at the provider";
                Err(CallFailure::not_executed(FailureKind::Unavailable, message).into())
            }
        }
    }

    /// Ships the reserved stock.
    pub(crate) async fn ship(&self, cx: &mut CallContext, step: OrderStep<'_>) -> StepResult {
        let reservation = step.key_of_step(RESERVE);
        let answer = self.collaborators.inventory.commit(cx, reservation).await;
        answer
            .map(drop)
            .map_err(|error| from_inventory_error(&step.state.order, error))
    }

    /// Captures the authorized payment.
    pub(crate) async fn capture(&self, cx: &mut CallContext, step: OrderStep<'_>) -> StepResult {
        match self
            .collaborators
            .payments
            .capture(cx, step.key_of_step(AUTHORIZE))
            .await
        {
            Ok(_) => Ok(()),
            Err(PaymentsError::CaptureRefused { reason: why, .. }) => {
                Err(StepError::Refused(FailureReason::PaymentDeclined { why }))
            }
            Err(error) => Err(from_payments_error(error)),
        }
    }

    /// Voids the payment. Refunds a payment that an execution without the lease has captured meanwhile.
    pub(crate) async fn void(&self, cx: &mut CallContext, step: OrderStep<'_>) -> StepResult {
        match self.collaborators.payments.void(cx, step.key_of_step(AUTHORIZE)).await {
            Err(PaymentsError::PaymentCaptured { .. }) => {
                let refund = step.key_of_step("refund-0");
                self.refund_payment(cx, &step, refund, step.state.order.total).await
            }
            answer => answer.map_err(from_payments_error),
        }
    }

    /// Releases the reservation. Returns stock that an execution without the lease has shipped meanwhile.
    pub(crate) async fn release(&self, cx: &mut CallContext, step: OrderStep<'_>) -> StepResult {
        match self
            .collaborators
            .inventory
            .release(cx, step.key_of_step(RESERVE))
            .await
        {
            Err(InventoryError::ReservationCommitted { .. }) => self.put_back(cx, step).await,
            answer => answer.map_err(|error| from_inventory_error(&step.state.order, error)),
        }
    }

    /// Returns all stock of a failed order. The failure was the last change, so `updated_at` is the time of failure.
    pub(crate) async fn put_back(&self, cx: &mut CallContext, step: OrderStep<'_>) -> StepResult {
        let order = &step.state.order;
        let reference = step.key_of_step("put-back");
        self.return_stock(cx, order, reference, &all_lines(order), order.updated_at)
            .await
    }

    /// Refunds the amount of a return.
    pub(crate) async fn refund(&self, cx: &mut CallContext, step: OrderStep<'_>) -> StepResult {
        let Some(current) = step.state.current_return() else {
            return Ok(());
        };
        let amount = current.refund;
        self.refund_payment(cx, &step, step.key(), amount).await
    }

    /// Returns the stock of a return.
    pub(crate) async fn restock(&self, cx: &mut CallContext, step: OrderStep<'_>) -> StepResult {
        let Some(current) = step.state.current_return() else {
            return Ok(());
        };
        self.return_stock(cx, &step.state.order, step.key(), &current.lines, current.at)
            .await
    }

    async fn refund_payment(
        &self,
        cx: &mut CallContext,
        step: &OrderStep<'_>,
        refund: String,
        amount: Money,
    ) -> StepResult {
        let payment = step.key_of_step(AUTHORIZE);
        let answer = self.collaborators.payments.refund(cx, payment, refund, amount).await;
        answer.map(drop).map_err(from_payments_error)
    }

    /// Records returned stock. `at` is the time of the decision and the same in every attempt: an inventory whose clock
    /// is behind rejects movements of the future, and accepts them in a later attempt.
    async fn return_stock(
        &self,
        cx: &mut CallContext,
        order: &Order,
        reference: String,
        lines: &[ReturnedLine],
        at: Timestamp,
    ) -> StepResult {
        let movement = |(line, quantity): (&OrderLine, u32)| NewMovement {
            product_id: line.product_id,
            kind: MovementKind::Returned,
            change: i64::from(quantity),
            reference: format!("{reference}.{}", line.number),
            note: String::new(),
            at,
        };
        let movements: Vec<_> = with_order_lines(order, lines).into_iter().map(movement).collect();
        for movements in movements.chunks(MAX_BULK_ITEMS) {
            let outcomes = self.collaborators.inventory.record_many(cx, movements.to_vec()).await;
            for outcome in outcomes.map_err(|error| from_inventory_error(order, error))? {
                if !matches!(outcome, MovementOutcome::Recorded | MovementOutcome::Known) {
                    let message = format!("the inventory rejected returned stock of {}: {outcome:?}", order.id);
                    return Err(CallFailure::internal(message).into());
                }
            }
        }
        Ok(())
    }
}

/// All units of all lines.
fn all_lines(order: &Order) -> Vec<ReturnedLine> {
    let line = |line: &OrderLine| ReturnedLine {
        line: line.number,
        quantity: line.quantity,
    };
    order.lines.iter().map(line).collect()
}

/// The order line and the quantity of each of `lines`.
fn with_order_lines<'a>(order: &'a Order, lines: &[ReturnedLine]) -> Vec<(&'a OrderLine, u32)> {
    let find = |wanted: &ReturnedLine| {
        let line = order.line(wanted.line)?;
        Some((line, wanted.quantity))
    };
    lines.iter().filter_map(find).collect()
}

fn from_inventory_error(order: &Order, error: InventoryError) -> StepError {
    match error {
        InventoryError::InsufficientStock { shortages } => StepError::Refused(FailureReason::InsufficientStock {
            lines: shortages.iter().map(|short| short_line(order, short)).collect(),
        }),
        // The order cannot continue without its reservation. If another execution has released the reservation, this
        // execution has lost the lease and will not write the refusal.
        InventoryError::ReservationReleased { .. } => StepError::Refused(FailureReason::Interrupted),
        InventoryError::Call(failure) => failure.into(),
        other => unexpected_error(other),
    }
}

fn short_line(order: &Order, short: &Shortage) -> ShortLine {
    let line = order.lines.iter().find(|line| line.product_id == short.product_id);
    ShortLine {
        product_id: short.product_id,
        sku: line.map(|line| line.sku.clone()).unwrap_or_default(),
        requested: short.requested,
        available: short.available,
    }
}

fn from_payments_error(error: PaymentsError) -> StepError {
    match error {
        // The order cannot continue without its payment, as without its reservation.
        PaymentsError::PaymentVoided { .. } => StepError::Refused(FailureReason::Interrupted),
        PaymentsError::Call(failure) => failure.into(),
        other => unexpected_error(other),
    }
}
