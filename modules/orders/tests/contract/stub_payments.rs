//! Test double of the payments module, in memory: each reference is authorized, captured and refunded once, and a voided
//! reference stays refused.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};

use offshoot_contract::{CallFailure, FailureKind, Money, Timestamp};
use offshoot_testkit::{Double, Faults};
use orders_api::OrderId;
use payments_api::v1::payments_api_methods::{AuthorizeMethod, CaptureMethod, RefundMethod, SettleMethod, VoidMethod};
use payments_api::v1::{MAX_REFERENCE_BYTES, Payment, PaymentStatus, PaymentToken, PaymentsApi, PaymentsError};

/// Token that is authorized at once.
pub(crate) const GOOD: &str = "tok_visa";
/// Token that is declined with [`WHY_DECLINED`].
pub(crate) const DECLINED: &str = "tok_declined";
pub(crate) const WHY_DECLINED: &str = "the card was declined";
/// Token with a payment that stays pending.
pub(crate) const SLOW: &str = "tok_timeout";
/// Not a valid token.
pub(crate) const INVALID: &str = "4242 4242 4242 4242";
/// Reason of a refused capture.
pub(crate) const WHY_REFUSED: &str = "the hold has lapsed";

/// Payments in memory.
#[derive(Default)]
pub(crate) struct StubPayments {
    state: Mutex<State>,
    pub(crate) faults: Faults,
}

#[derive(Default)]
struct State {
    payments: HashMap<String, Payment>,
    /// Reference of the payment, and amount, by reference of the refund.
    refunds: BTreeMap<String, (String, Money)>,
    refuses_captures: bool,
    pending_outcome: Option<PaymentStatus>,
}

impl StubPayments {
    /// The double behind an edge, as the orders module calls it.
    pub(crate) fn behind_edge(self: &Arc<Self>) -> Arc<dyn PaymentsApi> {
        Double::new(Arc::clone(self))
            .with_faults(&self.faults)
            .answers(AuthorizeMethod, |stub: &Self, call| {
                let (reference, body) = (call.params.reference, call.body);
                stub.state().authorize(reference, body.amount, &body.token)
            })
            .answers(SettleMethod, |stub, call| stub.state().settle(call.params.reference))
            .answers(CaptureMethod, |stub, call| stub.state().capture(call.params.reference))
            .answers(VoidMethod, |stub, call| stub.state().void(call.params.reference))
            .answers(RefundMethod, |stub, call| {
                let refund = call.params;
                stub.state().refund(refund.reference, refund.refund, call.body.amount)
            })
            .into_api()
    }

    /// Refuses captures from now on.
    pub(crate) fn refuse_captures(&self) {
        self.state().refuses_captures = true;
    }

    /// Settles pending payments with this status from now on.
    pub(crate) fn set_pending_outcome(&self, outcome: PaymentStatus) {
        self.state().pending_outcome = Some(outcome);
    }

    /// The payments of an order.
    pub(crate) fn payments_of(&self, order: OrderId) -> Vec<Payment> {
        let state = self.state();
        let own = |payment: &&Payment| payment.reference.starts_with(&format!("{order}."));
        state.payments.values().filter(own).cloned().collect()
    }

    /// Removes the payment of an order.
    pub(crate) fn remove_payment(&self, order: OrderId) -> Payment {
        let payment = self.payments_of(order).remove(0);
        self.state().payments.remove(&payment.reference).unwrap()
    }

    /// Puts a removed payment back.
    pub(crate) fn restore_payment(&self, payment: Payment) {
        self.state().payments.insert(payment.reference.clone(), payment);
    }

    /// Ten-thousandths captured for an order, less refunds.
    pub(crate) fn net_captured(&self, order: OrderId) -> i64 {
        let payments = self.payments_of(order);
        let net = payments
            .iter()
            .map(|each| each.captured.ten_thousandths() - each.refunded.ten_thousandths());
        net.sum()
    }

    /// Reference and amount of every refund.
    pub(crate) fn refunds(&self) -> Vec<(String, Money)> {
        let state = self.state();
        let refunds = state.refunds.iter();
        refunds.map(|(refund, (_, amount))| (refund.clone(), *amount)).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

fn payment(reference: &str, amount: Money, status: PaymentStatus) -> Payment {
    let time = Timestamp::from_micros(0).unwrap();
    let zero = Money::new(0, amount.currency());
    Payment {
        reference: reference.to_owned(),
        status,
        amount,
        captured: zero,
        refunded: zero,
        decline_reason: (status == PaymentStatus::Declined).then(|| WHY_DECLINED.to_owned()),
        created_at: time,
        updated_at: time,
    }
}

fn declined() -> PaymentsError {
    PaymentsError::PaymentDeclined {
        reason: WHY_DECLINED.to_owned(),
    }
}

fn timed_out() -> PaymentsError {
    CallFailure::maybe_executed(FailureKind::Timeout, "the payment provider did not answer in time").into()
}

impl State {
    fn authorize(&mut self, reference: String, amount: Money, token: &PaymentToken) -> Result<Payment, PaymentsError> {
        if reference.len() > MAX_REFERENCE_BYTES || amount.ten_thousandths() <= 0 {
            return Err(CallFailure::internal("the reference or amount of the payment is invalid").into());
        }
        let status = match token.expose() {
            GOOD => PaymentStatus::Authorized,
            DECLINED => PaymentStatus::Declined,
            SLOW => PaymentStatus::Pending,
            _ => {
                return Err(PaymentsError::InvalidPayment {
                    field: "token".to_owned(),
                    reason: "looks like a card number".to_owned(),
                });
            }
        };
        let new = payment(&reference, amount, status);
        let known = self.payments.entry(reference.clone()).or_insert(new);
        match known.status {
            PaymentStatus::Voided => Err(PaymentsError::PaymentVoided { reference }),
            _ if known.amount != amount => Err(PaymentsError::PaymentDiffers {
                reference,
                amount: known.amount,
            }),
            PaymentStatus::Authorized | PaymentStatus::Captured => Ok(known.clone()),
            PaymentStatus::Declined => Err(declined()),
            PaymentStatus::Pending => Err(timed_out()),
        }
    }

    fn settle(&mut self, reference: String) -> Result<Payment, PaymentsError> {
        let outcome = self.pending_outcome;
        let known = self.known(&reference)?;
        if known.status == PaymentStatus::Pending
            && let Some(outcome) = outcome
        {
            *known = payment(&reference, known.amount, outcome);
        }
        Ok(known.clone())
    }

    fn capture(&mut self, reference: String) -> Result<Payment, PaymentsError> {
        let refuses = self.refuses_captures;
        let known = self.known(&reference)?;
        match known.status {
            PaymentStatus::Authorized if refuses => Err(PaymentsError::CaptureRefused {
                reference,
                reason: WHY_REFUSED.to_owned(),
            }),
            PaymentStatus::Authorized | PaymentStatus::Captured => {
                known.status = PaymentStatus::Captured;
                known.captured = known.amount;
                Ok(known.clone())
            }
            PaymentStatus::Voided => Err(PaymentsError::PaymentVoided { reference }),
            PaymentStatus::Declined => Err(declined()),
            PaymentStatus::Pending => Err(PaymentsError::NotAuthorized { reference }),
        }
    }

    fn void(&mut self, reference: String) -> Result<(), PaymentsError> {
        let tombstone = payment(&reference, Money::new(0, Money::GBP), PaymentStatus::Voided);
        let known = self.payments.entry(reference.clone()).or_insert(tombstone);
        match known.status {
            PaymentStatus::Captured => return Err(PaymentsError::PaymentCaptured { reference }),
            PaymentStatus::Declined => {}
            _ => known.status = PaymentStatus::Voided,
        }
        Ok(())
    }

    fn refund(&mut self, reference: String, refund: String, amount: Money) -> Result<Payment, PaymentsError> {
        if refund.len() > MAX_REFERENCE_BYTES || amount.ten_thousandths() <= 0 {
            return Err(CallFailure::internal("the reference or amount of the refund is invalid").into());
        }
        let given = self.refunds.get(&refund).cloned();
        let known = self.known(&reference)?;
        if known.status != PaymentStatus::Captured {
            return Err(PaymentsError::NotCaptured { reference });
        }
        if let Some((payment, given)) = given {
            if (&payment, given) != (&reference, amount) {
                return Err(PaymentsError::RefundDiffers { refund, amount: given });
            }
            return Ok(known.clone());
        }
        let refunded = known.refunded.checked_add(amount).unwrap();
        if refunded.ten_thousandths() > known.captured.ten_thousandths() {
            return Err(CallFailure::internal("the refunds exceed the captured amount").into());
        }
        known.refunded = refunded;
        let answer = known.clone();
        self.refunds.insert(refund, (reference, amount));
        Ok(answer)
    }

    fn known(&mut self, reference: &str) -> Result<&mut Payment, PaymentsError> {
        self.payments
            .get_mut(reference)
            .ok_or_else(|| PaymentsError::UnknownPayment {
                reference: reference.to_owned(),
            })
    }
}
