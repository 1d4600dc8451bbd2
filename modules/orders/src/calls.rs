//! The steps of an order as calls to other modules. Every call may be repeated: its reference stands for one effect.
//!
//! Knows no database: who calls has written down before that it will, and writes down after that it did.

use inventory_api::v1::{
    InventoryError, MAX_BULK_ITEMS, MovementKind, MovementOutcome, NewMovement, ReservedLine, Shortage,
};
use offshoot_contract::{CallContext, CallFailure, FailureKind, Money, Timestamp};
use offshoot_saga::Turn;
use orders_api::v1::{FailureReason, Order, OrderLine, ReturnedLine, ShortLine};
use payments_api::v1::{PaymentStatus, PaymentToken, PaymentsError};

use crate::Orders;
use crate::setback::{Setback, unexpected};

/// Whose references the later steps name.
const RESERVE: &str = "reserve";
const AUTHORIZE: &str = "authorize";

type Doing<'a> = Turn<'a, Orders>;
type Done = Result<(), Setback>;

impl Orders {
    /// Promises the goods of all lines, or says which fall short.
    pub(crate) async fn reserve(&self, cx: &mut CallContext, turn: Doing<'_>) -> Done {
        let order = &turn.work.order;
        let lines = units(order, &whole(order));
        let lines = lines.into_iter().map(|(line, quantity)| ReservedLine {
            product_id: line
                .product_id
                .unwrap_or_else(|| unreachable!("a cart's lines have products")),
            quantity,
        });
        let expires_at = self.clock.now().plus(self.settings.reservation);
        let inventory = &self.others.inventory;
        let answer = inventory.reserve(cx, turn.key(), lines.collect(), expires_at).await;
        answer.map(drop).map_err(|error| of_inventory(order, error))
    }

    /// Holds the order's total. Without a token, which nobody has any more, it asks what became of the money.
    pub(crate) async fn authorize(&self, cx: &mut CallContext, turn: Doing<'_>) -> Done {
        match &turn.work.token {
            Some(token) => self.hold(cx, turn.key(), turn.work.order.total, token.clone()).await,
            None => self.settle(cx, turn.key()).await,
        }
    }

    async fn hold(&self, cx: &mut CallContext, reference: String, total: Money, token: PaymentToken) -> Done {
        match self.others.payments.authorize(cx, reference, total, token).await {
            Ok(_) => Ok(()),
            Err(PaymentsError::PaymentDeclined { reason: why } | PaymentsError::InvalidPayment { reason: why, .. }) => {
                Err(Setback::Refused(FailureReason::PaymentDeclined { why }))
            }
            Err(error) => Err(of_payments(error)),
        }
    }

    async fn settle(&self, cx: &mut CallContext, reference: String) -> Done {
        let payment = match self.others.payments.settle(cx, reference).await {
            Ok(payment) => payment,
            Err(PaymentsError::UnknownPayment { .. }) => return Err(Setback::Refused(FailureReason::Interrupted)),
            Err(error) => return Err(of_payments(error)),
        };
        match payment.status {
            PaymentStatus::Authorized | PaymentStatus::Captured => Ok(()),
            PaymentStatus::Voided => Err(Setback::Refused(FailureReason::Interrupted)),
            PaymentStatus::Declined => Err(Setback::Refused(FailureReason::PaymentDeclined {
                why: payment.decline_reason.unwrap_or_default(),
            })),
            PaymentStatus::Pending => {
                let what = "what became of the payment is not known yet";
                Err(CallFailure::not_executed(FailureKind::Unavailable, what).into())
            }
        }
    }

    /// The promised goods leave.
    pub(crate) async fn ship(&self, cx: &mut CallContext, turn: Doing<'_>) -> Done {
        let answer = self.others.inventory.commit(cx, turn.key_of(RESERVE)).await;
        answer.map(drop).map_err(|error| of_inventory(&turn.work.order, error))
    }

    /// The held money is taken.
    pub(crate) async fn capture(&self, cx: &mut CallContext, turn: Doing<'_>) -> Done {
        match self.others.payments.capture(cx, turn.key_of(AUTHORIZE)).await {
            Ok(_) => Ok(()),
            Err(PaymentsError::CaptureRefused { reason: why, .. }) => {
                Err(Setback::Refused(FailureReason::PaymentDeclined { why }))
            }
            Err(error) => Err(of_payments(error)),
        }
    }

    /// Lets the money go. What an execution that was taken over has captured since is given back.
    pub(crate) async fn void(&self, cx: &mut CallContext, turn: Doing<'_>) -> Done {
        match self.others.payments.void(cx, turn.key_of(AUTHORIZE)).await {
            Err(PaymentsError::PaymentCaptured { .. }) => {
                let refund = turn.key_of("refund-0");
                self.give_back(cx, &turn, refund, turn.work.order.total).await
            }
            answer => answer.map_err(of_payments),
        }
    }

    /// Takes the promise back. What an execution that was taken over has shipped since is put back.
    pub(crate) async fn release(&self, cx: &mut CallContext, turn: Doing<'_>) -> Done {
        match self.others.inventory.release(cx, turn.key_of(RESERVE)).await {
            Err(InventoryError::ReservationCommitted { .. }) => self.put_all_back(cx, turn).await,
            answer => answer.map_err(|error| of_inventory(&turn.work.order, error)),
        }
    }

    /// All goods of an order that has failed, which is the last that happened to it.
    pub(crate) async fn put_all_back(&self, cx: &mut CallContext, turn: Doing<'_>) -> Done {
        let order = &turn.work.order;
        let reference = turn.key_of("put-back");
        self.put_back(cx, order, reference, &whole(order), order.updated_at)
            .await
    }

    /// Gives the money of a return back.
    pub(crate) async fn refund(&self, cx: &mut CallContext, turn: Doing<'_>) -> Done {
        let Some(back) = turn.work.back() else { return Ok(()) };
        let amount = back.refund;
        self.give_back(cx, &turn, turn.key(), amount).await
    }

    /// Takes the goods of a return back.
    pub(crate) async fn restock(&self, cx: &mut CallContext, turn: Doing<'_>) -> Done {
        let Some(back) = turn.work.back() else { return Ok(()) };
        self.put_back(cx, &turn.work.order, turn.key(), &back.lines, back.at)
            .await
    }

    async fn give_back(&self, cx: &mut CallContext, turn: &Doing<'_>, refund: String, amount: Money) -> Done {
        let payment = turn.key_of(AUTHORIZE);
        let answer = self.others.payments.refund(cx, payment, refund, amount).await;
        answer.map(drop).map_err(of_payments)
    }

    /// `at` is when it was decided, and the same each time that it is tried: an inventory whose clock is behind ours
    /// takes nothing that is to come, and takes it later.
    async fn put_back(
        &self,
        cx: &mut CallContext,
        order: &Order,
        reference: String,
        lines: &[ReturnedLine],
        at: Timestamp,
    ) -> Done {
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
        InventoryError::InsufficientStock { shortages } => Setback::Refused(FailureReason::InsufficientStock {
            lines: shortages.iter().map(|short| short_line(order, short)).collect(),
        }),
        // Let go by somebody: this order cannot go on, unless this execution was taken over and is told so.
        InventoryError::ReservationReleased { .. } => Setback::Refused(FailureReason::Interrupted),
        InventoryError::Call(failure) => failure.into(),
        other => unexpected(other),
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
        PaymentsError::PaymentVoided { .. } => Setback::Refused(FailureReason::Interrupted),
        PaymentsError::Call(failure) => failure.into(),
        other => unexpected(other),
    }
}
