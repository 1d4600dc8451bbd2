//! The steps of an order as calls to other modules. Every call may be repeated: its reference stands for one effect.
//!
//! Knows no database: who calls has written down before that it will, and writes down after that it did.

use inventory_api::v1::{
    InventoryError, MAX_BULK_ITEMS, MovementKind, MovementOutcome, NewMovement, ReservedLine, Shortage,
};
use offshoot_contract::{CallContext, CallFailure, FailureKind, Money, Timestamp, fault_point};
use orders_api::v1::{FailureReason, Order, OrderLine, ReturnedLine, ShortLine};
use payments_api::v1::{PaymentStatus, PaymentToken, PaymentsError};

use crate::Orders;
use crate::setback::Setback;
use crate::step::Step;

/// What the payments say of money that was to be held.
pub(crate) enum Held {
    /// It is held, or taken.
    Yes,
    /// It is not, and never will be.
    No(FailureReason),
}

impl Orders {
    /// Promises the goods of all lines, or says which fall short.
    pub(crate) async fn reserve(&self, cx: &mut CallContext, order: &Order) -> Result<(), Setback> {
        let lines = units(order, &whole(order));
        let lines = lines.into_iter().map(|(line, quantity)| ReservedLine {
            product_id: line
                .product_id
                .unwrap_or_else(|| unreachable!("a cart's lines have products")),
            quantity,
        });
        let reference = Step::Reserve.reference(order.id);
        let expires_at = self.clock.now().plus(self.settings.reservation);
        fault_point("before-reserve").await;
        let answer = self
            .others
            .inventory
            .reserve(cx, reference, lines.collect(), expires_at)
            .await;
        fault_point("after-reserve").await;
        match answer {
            Ok(_) => Ok(()),
            Err(error) => Err(of_inventory(order, error)),
        }
    }

    /// Holds the order's total.
    pub(crate) async fn authorize(
        &self,
        cx: &mut CallContext,
        order: &Order,
        token: PaymentToken,
    ) -> Result<(), Setback> {
        let reference = Step::Authorize.reference(order.id);
        fault_point("before-authorize").await;
        let answer = self.others.payments.authorize(cx, reference, order.total, token).await;
        fault_point("after-authorize").await;
        match answer {
            Ok(_) => Ok(()),
            Err(PaymentsError::PaymentDeclined { reason: why }) => {
                Err(Setback::Failed(FailureReason::PaymentDeclined { why }))
            }
            Err(PaymentsError::InvalidPayment { reason: why, .. }) => {
                Err(Setback::Failed(FailureReason::PaymentDeclined { why }))
            }
            Err(error) => Err(of_payments(error)),
        }
    }

    /// Asks what became of the money, for an order whose token nobody has any more.
    pub(crate) async fn settle(&self, cx: &mut CallContext, order: &Order) -> Result<Held, Setback> {
        let reference = Step::Authorize.reference(order.id);
        let payment = match self.others.payments.settle(cx, reference).await {
            Ok(payment) => payment,
            Err(PaymentsError::UnknownPayment { .. }) => return Ok(Held::No(FailureReason::Interrupted)),
            Err(error) => return Err(of_payments(error)),
        };
        match payment.status {
            PaymentStatus::Authorized | PaymentStatus::Captured => Ok(Held::Yes),
            PaymentStatus::Voided => Ok(Held::No(FailureReason::Interrupted)),
            PaymentStatus::Declined => Ok(Held::No(FailureReason::PaymentDeclined {
                why: payment.decline_reason.unwrap_or_default(),
            })),
            PaymentStatus::Pending => {
                let what = "what became of the payment is not known yet";
                Err(CallFailure::not_executed(FailureKind::Unavailable, what).into())
            }
        }
    }

    /// Does one step of an order that is decided.
    pub(crate) async fn perform(&self, cx: &mut CallContext, order: &Order, step: Step) -> Result<(), Setback> {
        let name = step.name();
        fault_point(&format!("before-{name}")).await;
        match step {
            Step::Reserve | Step::Authorize => unreachable!("an order that is decided has done these"),
            Step::Ship => self.ship(cx, order).await?,
            Step::Capture => self.capture(cx, order).await?,
            Step::Void => self.void(cx, order).await?,
            Step::Release => self.release(cx, order).await?,
            Step::PutBack => self.put_all_back(cx, order).await?,
            Step::Restock(number) => {
                if let Some(back) = order.returns.iter().find(|back| back.number == number) {
                    self.put_back(cx, order, step, &back.lines, back.at).await?;
                }
            }
            Step::Refund(number) => {
                let refund = order.returns.iter().find(|back| back.number == number);
                let refund = refund.map_or(Money::new(0, order.total.currency()), |back| back.refund);
                self.refund(cx, order, step, refund).await?;
            }
        }
        fault_point(&format!("after-{name}")).await;
        Ok(())
    }

    async fn ship(&self, cx: &mut CallContext, order: &Order) -> Result<(), Setback> {
        let reference = Step::Reserve.reference(order.id);
        let answer = self.others.inventory.commit(cx, reference).await;
        answer.map(drop).map_err(|error| of_inventory(order, error))
    }

    async fn capture(&self, cx: &mut CallContext, order: &Order) -> Result<(), Setback> {
        let reference = Step::Authorize.reference(order.id);
        match self.others.payments.capture(cx, reference).await {
            Ok(_) => Ok(()),
            Err(PaymentsError::CaptureRefused { reason: why, .. }) => {
                Err(Setback::Failed(FailureReason::PaymentDeclined { why }))
            }
            Err(error) => Err(of_payments(error)),
        }
    }

    /// Lets the money go. What an execution that was taken over has captured since is given back.
    async fn void(&self, cx: &mut CallContext, order: &Order) -> Result<(), Setback> {
        let reference = Step::Authorize.reference(order.id);
        match self.others.payments.void(cx, reference).await {
            Err(PaymentsError::PaymentCaptured { .. }) => self.refund(cx, order, Step::Refund(0), order.total).await,
            answer => answer.map_err(of_payments),
        }
    }

    /// Takes the promise back. What an execution that was taken over has shipped since is put back.
    async fn release(&self, cx: &mut CallContext, order: &Order) -> Result<(), Setback> {
        let reference = Step::Reserve.reference(order.id);
        match self.others.inventory.release(cx, reference).await {
            Err(InventoryError::ReservationCommitted { .. }) => self.put_all_back(cx, order).await,
            answer => answer.map_err(|error| of_inventory(order, error)),
        }
    }

    async fn refund(&self, cx: &mut CallContext, order: &Order, step: Step, amount: Money) -> Result<(), Setback> {
        let payment = Step::Authorize.reference(order.id);
        let refund = step.reference(order.id);
        let answer = self.others.payments.refund(cx, payment, refund, amount).await;
        answer.map(drop).map_err(of_payments)
    }

    /// All goods of an order that has failed, which is the last that happened to it.
    async fn put_all_back(&self, cx: &mut CallContext, order: &Order) -> Result<(), Setback> {
        self.put_back(cx, order, Step::PutBack, &whole(order), order.updated_at)
            .await
    }

    /// `at` is when it was decided, and the same each time that it is tried: an inventory whose clock is behind ours
    /// takes nothing that is to come, and takes it later.
    async fn put_back(
        &self,
        cx: &mut CallContext,
        order: &Order,
        step: Step,
        lines: &[ReturnedLine],
        at: Timestamp,
    ) -> Result<(), Setback> {
        let reference = step.reference(order.id);
        let movement = |(line, quantity): (&OrderLine, u32)| NewMovement {
            product_id: line
                .product_id
                .unwrap_or_else(|| unreachable!("a cart's lines have products")),
            kind: MovementKind::Returned,
            change: i64::from(quantity),
            reference: format!("{reference}.{}", line.number),
            note: String::new(),
            at,
        };
        let movements: Vec<_> = units(order, lines).into_iter().map(movement).collect();
        for movements in movements.chunks(MAX_BULK_ITEMS) {
            let outcomes = self.others.inventory.record_many(cx, movements.to_vec()).await;
            for outcome in outcomes.map_err(|error| of_inventory(order, error))? {
                if !matches!(outcome, MovementOutcome::Recorded | MovementOutcome::Known) {
                    let what = format!("the inventory did not take goods back for {}: {outcome:?}", order.id);
                    return Err(CallFailure::internal(what).into());
                }
            }
        }
        Ok(())
    }
}

/// All units of all lines.
fn whole(order: &Order) -> Vec<ReturnedLine> {
    let line = |line: &OrderLine| ReturnedLine {
        line: line.number,
        quantity: u32::try_from(line.quantity).unwrap_or(0),
    };
    order.lines.iter().map(line).collect()
}

/// The lines with how many of each are meant.
fn units<'a>(order: &'a Order, lines: &[ReturnedLine]) -> Vec<(&'a OrderLine, u32)> {
    let find = |wanted: &ReturnedLine| {
        let line = order.lines.iter().find(|line| line.number == wanted.line)?;
        Some((line, wanted.quantity))
    };
    lines.iter().filter_map(find).collect()
}

fn of_inventory(order: &Order, error: InventoryError) -> Setback {
    match error {
        InventoryError::InsufficientStock { shortages } => Setback::Failed(FailureReason::InsufficientStock {
            lines: shortages.iter().map(|short| short_line(order, short)).collect(),
        }),
        // Let go by somebody: this order cannot go on, unless this execution was taken over and is told so.
        InventoryError::ReservationReleased { .. } => Setback::Failed(FailureReason::Interrupted),
        InventoryError::Call(failure) => failure.into(),
        other => Setback::unexpected(other),
    }
}

fn short_line(order: &Order, short: &Shortage) -> ShortLine {
    let line = order
        .lines
        .iter()
        .find(|line| line.product_id == Some(short.product_id));
    ShortLine {
        product_id: short.product_id,
        sku: line.map(|line| line.sku.clone()).unwrap_or_default(),
        requested: short.requested,
        available: short.available,
    }
}

fn of_payments(error: PaymentsError) -> Setback {
    match error {
        // Likewise.
        PaymentsError::PaymentVoided { .. } => Setback::Failed(FailureReason::Interrupted),
        PaymentsError::Call(failure) => failure.into(),
        other => Setback::unexpected(other),
    }
}
