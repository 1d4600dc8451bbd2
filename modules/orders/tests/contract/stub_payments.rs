//! Payments in memory that a body steers and counts. Keep as much of the contract as the orders use: money held, taken and
//! given back once per reference, references that are refused for ever. Whatever else is asked of them fails.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use offshoot_contract::{CallContext, CallFailure, Contract, Edge, FailureKind, Money, Page, Timestamp};
use orders_api::OrderId;
use payments_api::v1::{MAX_REFERENCE_BYTES, Payment, PaymentStatus, PaymentToken, PaymentsApi, PaymentsError};

use crate::faults::Faults;

/// Held at once.
pub(crate) const GOOD: &str = "tok_visa";
/// Declined, with these words.
pub(crate) const DECLINED: &str = "tok_declined";
pub(crate) const WHY_DECLINED: &str = "the card was declined";
/// The provider does not say in time what it decided.
pub(crate) const SLOW: &str = "tok_timeout";
/// No token at all.
pub(crate) const INVALID: &str = "4242 4242 4242 4242";
/// What a provider says who refuses to let the held money be taken.
pub(crate) const WHY_REFUSED: &str = "the hold has lapsed";

/// Where the orders get their money.
#[derive(Default)]
pub(crate) struct StubPayments {
    state: Mutex<State>,
    pub(crate) faults: Faults,
}

#[derive(Default)]
struct State {
    payments: HashMap<String, Payment>,
    /// Refund's reference, to its payment's and the amount.
    refunds: BTreeMap<String, (String, Money)>,
    refuses_captures: bool,
    decided: Option<PaymentStatus>,
}

impl StubPayments {
    /// The payments as the orders hold them.
    pub(crate) fn behind_their_edge(self: &Arc<Self>) -> Arc<dyn PaymentsApi> {
        let api: Arc<dyn PaymentsApi> = Arc::clone(self) as Arc<dyn PaymentsApi>;
        <dyn PaymentsApi as Contract>::object(Arc::new(Edge::new(api)))
    }

    /// Money that is held cannot be taken from now on.
    pub(crate) fn refuse_captures(&self) {
        self.state().refuses_captures = true;
    }

    /// What the provider says it decided of payments that are pending, whenever it is asked.
    pub(crate) fn slow_ones_are(&self, decided: PaymentStatus) {
        self.state().decided = Some(decided);
    }

    /// The payments of an order.
    pub(crate) fn of(&self, order: OrderId) -> Vec<Payment> {
        let state = self.state();
        let own = |payment: &&Payment| payment.reference.starts_with(&format!("{order}."));
        state.payments.values().filter(own).cloned().collect()
    }

    /// Forgets the payment of an order.
    pub(crate) fn loses(&self, order: OrderId) -> Payment {
        let payment = self.of(order).remove(0);
        self.state().payments.remove(&payment.reference).unwrap()
    }

    /// Remembers it again.
    pub(crate) fn finds(&self, payment: Payment) {
        self.state().payments.insert(payment.reference.clone(), payment);
    }

    /// Ten-thousandths that were taken for an order and not given back.
    pub(crate) fn kept(&self, order: OrderId) -> i64 {
        let payments = self.of(order);
        let kept = payments
            .iter()
            .map(|each| each.captured.ten_thousandths() - each.refunded.ten_thousandths());
        kept.sum()
    }

    /// References of all refunds, with amounts.
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

fn not_in_time() -> PaymentsError {
    CallFailure::maybe_executed(FailureKind::Timeout, "the payment provider did not answer in time").into()
}

impl State {
    fn authorize(&mut self, reference: String, amount: Money, token: &PaymentToken) -> Result<Payment, PaymentsError> {
        if reference.len() > MAX_REFERENCE_BYTES || amount.ten_thousandths() <= 0 {
            return Err(CallFailure::internal("no payment looks like this").into());
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
            PaymentStatus::Pending => Err(not_in_time()),
        }
    }

    fn settle(&mut self, reference: String) -> Result<Payment, PaymentsError> {
        let decided = self.decided;
        let known = self.known(&reference)?;
        if known.status == PaymentStatus::Pending
            && let Some(decided) = decided
        {
            *known = payment(&reference, known.amount, decided);
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
            return Err(CallFailure::internal("no refund looks like this").into());
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
            return Err(CallFailure::internal("more is given back than was taken").into());
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

fn unasked<A>() -> Result<A, PaymentsError> {
    Err(CallFailure::internal("the orders have no business with this method of the payments").into())
}

#[async_trait]
impl PaymentsApi for StubPayments {
    async fn authorize(
        &self,
        _: &mut CallContext,
        reference: String,
        amount: Money,
        token: PaymentToken,
    ) -> Result<Payment, PaymentsError> {
        let effect = || self.state().authorize(reference, amount, &token);
        self.faults.around("authorize", effect).await
    }

    async fn settle(&self, _: &mut CallContext, reference: String) -> Result<Payment, PaymentsError> {
        let effect = || self.state().settle(reference);
        self.faults.around("settle", effect).await
    }

    async fn capture(&self, _: &mut CallContext, reference: String) -> Result<Payment, PaymentsError> {
        let effect = || self.state().capture(reference);
        self.faults.around("capture", effect).await
    }

    async fn void(&self, _: &mut CallContext, reference: String) -> Result<(), PaymentsError> {
        let effect = || self.state().void(reference);
        self.faults.around("void", effect).await
    }

    async fn refund(
        &self,
        _: &mut CallContext,
        reference: String,
        refund: String,
        amount: Money,
    ) -> Result<Payment, PaymentsError> {
        let effect = || self.state().refund(reference, refund, amount);
        self.faults.around("refund", effect).await
    }

    async fn payment(&self, _: &mut CallContext, _: String) -> Result<Payment, PaymentsError> {
        unasked()
    }

    async fn payments(
        &self,
        _: &mut CallContext,
        _: Option<PaymentStatus>,
        _: Option<u32>,
        _: Option<String>,
    ) -> Result<Page<Payment>, PaymentsError> {
        unasked()
    }
}
