//! Use cases of the payments module. Calls to the provider happen between transactions: if a call could charge a
//! customer, an intent is committed before the call; the result is committed after. Contains no SQL.

use async_trait::async_trait;
use offshoot_contract::{CallContext, CallFailure, Money, Page, PageSize, page_token};
use payments_api::v1::{Payment, PaymentStatus, PaymentToken, PaymentsApi, PaymentsError};

use crate::provider::{AuthorizationState, Decision, ProviderFailure};
use crate::provider_call::to_call_failure;
use crate::{Payments, store, validation};

#[async_trait]
impl PaymentsApi for Payments {
    async fn authorize(
        &self,
        cx: &mut CallContext,
        reference: String,
        amount: Money,
        token: PaymentToken,
    ) -> Result<Payment, PaymentsError> {
        validation::check_reference("reference", &reference)?;
        validation::check_amount(amount)?;
        validation::check_token(&token)?;
        if let Some(before) = self.record_intent(cx, &reference, amount).await? {
            return require_approved(before);
        }
        let key = reference.clone();
        let decision = self
            .call_provider(cx, async |provider| provider.authorize(&key, &token, amount).await)
            .await;
        let (status, reason) = match decision {
            Ok(Decision::Approved) => (PaymentStatus::Authorized, None),
            Ok(Decision::Declined { reason }) | Err(ProviderFailure::Refused { reason }) => {
                (PaymentStatus::Declined, Some(reason))
            }
            Err(failure) => return Err(to_call_failure(failure).into()),
        };
        self.record_decision(cx, &reference, status, reason).await
    }

    async fn settle(&self, cx: &mut CallContext, reference: String) -> Result<Payment, PaymentsError> {
        let payment = self.find(cx, &reference).await?;
        if payment.status != PaymentStatus::Pending {
            return Ok(payment);
        }
        let key = reference.clone();
        let state = self
            .call_provider(cx, async |provider| provider.find(&key).await)
            .await
            .map_err(to_call_failure)?;
        let decided = match state {
            Some(AuthorizationState::Approved) => {
                self.record_decision(cx, &reference, PaymentStatus::Authorized, None)
                    .await
            }
            Some(AuthorizationState::Declined { reason }) => {
                self.record_decision(cx, &reference, PaymentStatus::Declined, Some(reason))
                    .await
            }
            // An unknown authorization may still be in flight. The void makes the provider refuse a late arrival.
            Some(AuthorizationState::Voided) | None => {
                self.void(cx, reference.clone()).await.and(Err(voided(&reference)))
            }
        };
        match decided {
            Err(PaymentsError::PaymentDeclined { .. } | PaymentsError::PaymentVoided { .. }) => {
                self.find(cx, &reference).await
            }
            decided => decided,
        }
    }

    async fn capture(&self, cx: &mut CallContext, reference: String) -> Result<Payment, PaymentsError> {
        let payment = self.find(cx, &reference).await?;
        match payment.status {
            PaymentStatus::Pending => return Err(PaymentsError::NotAuthorized { reference }),
            PaymentStatus::Authorized => {}
            _ => return require_approved(payment),
        }
        let key = reference.clone();
        match self
            .call_provider(cx, async |provider| provider.capture(&key).await)
            .await
        {
            Ok(()) => {}
            Err(ProviderFailure::Refused { reason }) => {
                return Err(PaymentsError::CaptureRefused { reference, reason });
            }
            Err(failure) => return Err(to_call_failure(failure).into()),
        }
        let transition = [PaymentStatus::Authorized, PaymentStatus::Captured];
        let mut tx = self.db.begin(cx).await?;
        store::change_status(&mut tx, &reference, transition, None, self.clock.now()).await?;
        let payment = require_found(store::payment(&mut tx, &reference).await?, &reference)?;
        Ok(tx.commit(payment).await?)
    }

    async fn void(&self, cx: &mut CallContext, reference: String) -> Result<(), PaymentsError> {
        validation::check_reference("reference", &reference)?;
        let before = {
            let mut read = self.db.read(cx).await?;
            store::payment(&mut read, &reference).await?
        };
        match before.map(|payment| payment.status) {
            Some(PaymentStatus::Voided | PaymentStatus::Declined) => return Ok(()),
            Some(PaymentStatus::Captured) => return Err(PaymentsError::PaymentCaptured { reference }),
            Some(PaymentStatus::Pending | PaymentStatus::Authorized) | None => {}
        }
        // The provider is called first, so that every payment recorded as voided is voided at the provider.
        let key = reference.clone();
        match self.call_provider(cx, async |provider| provider.void(&key).await).await {
            Ok(()) => {}
            Err(ProviderFailure::Refused { .. }) => return Err(PaymentsError::PaymentCaptured { reference }),
            Err(failure) => return Err(to_call_failure(failure).into()),
        }
        let mut tx = self.db.begin(cx).await?;
        store::void(&mut tx, &reference, self.clock.now()).await?;
        Ok(tx.commit(()).await?)
    }

    async fn refund(
        &self,
        cx: &mut CallContext,
        reference: String,
        refund: String,
        amount: Money,
    ) -> Result<Payment, PaymentsError> {
        validation::check_reference("refund", &refund)?;
        validation::check_amount(amount)?;
        if let Some(done) = self.record_refund_intent(cx, &reference, &refund, amount).await? {
            return Ok(done);
        }
        let (key, name) = (reference.clone(), refund.clone());
        let refunded = self
            .call_provider(cx, async |provider| provider.refund(&key, &name, amount).await)
            .await;
        refunded.map_err(to_call_failure)?;
        let mut tx = self.db.begin(cx).await?;
        store::mark_refund_done(&mut tx, &refund).await?;
        let payment = require_found(store::payment(&mut tx, &reference).await?, &reference)?;
        Ok(tx.commit(payment).await?)
    }

    async fn payment(&self, cx: &mut CallContext, reference: String) -> Result<Payment, PaymentsError> {
        self.find(cx, &reference).await
    }

    async fn payments(
        &self,
        cx: &mut CallContext,
        status: Option<PaymentStatus>,
        page_size: Option<u32>,
        page_token: Option<String>,
    ) -> Result<Page<Payment>, PaymentsError> {
        let size = PageSize::resolve(page_size);
        let list = ["payments", status.map_or("", PaymentStatus::as_str)];
        let after = page_token::position_after(&list, page_token.as_deref(), |key| Some(key.to_owned()))
            .map_err(|_| PaymentsError::BadPageToken)?
            .unwrap_or_default();
        let mut read = self.db.read(cx).await?;
        let rows = store::payments(&mut read, status, &after, size + 1).await?;
        Ok(page_token::paginate(rows, size, |last| {
            page_token::encode(&list, &last.reference)
        }))
    }
}

impl Payments {
    async fn find(&self, cx: &mut CallContext, reference: &str) -> Result<Payment, PaymentsError> {
        let mut read = self.db.read(cx).await?;
        require_found(store::payment(&mut read, reference).await?, reference)
    }

    /// Commits the intent to authorize before the provider is called. Returns the payment if it is decided already.
    async fn record_intent(
        &self,
        cx: &mut CallContext,
        reference: &str,
        amount: Money,
    ) -> Result<Option<Payment>, PaymentsError> {
        let mut tx = self.db.begin(cx).await?;
        if store::add_payment(&mut tx, reference, amount, self.clock.now()).await? {
            tx.commit_part().await?;
            return Ok(None);
        }
        let before = require_found(store::payment(&mut tx, reference).await?, reference)?;
        // A reference that was voided before the authorization has no amount.
        if before.amount != amount && before.status != PaymentStatus::Voided {
            return Err(PaymentsError::PaymentDiffers {
                reference: reference.to_owned(),
                amount: before.amount,
            });
        }
        Ok((before.status != PaymentStatus::Pending).then_some(before))
    }

    /// Records the provider's decision about a pending payment, unless a concurrent call has recorded one.
    async fn record_decision(
        &self,
        cx: &mut CallContext,
        reference: &str,
        status: PaymentStatus,
        reason: Option<String>,
    ) -> Result<Payment, PaymentsError> {
        let mut tx = self.db.begin(cx).await?;
        let transition = [PaymentStatus::Pending, status];
        store::change_status(&mut tx, reference, transition, reason.as_deref(), self.clock.now()).await?;
        let payment = require_found(store::payment(&mut tx, reference).await?, reference)?;
        if payment.status == PaymentStatus::Voided && status == PaymentStatus::Authorized {
            // A concurrent call voided the payment while the provider decided. The provider may have received that void
            // before the authorization, so void again.
            drop(tx);
            let key = reference.to_owned();
            self.call_provider(cx, async |provider| provider.void(&key).await)
                .await
                .map_err(to_call_failure)?;
            return Err(voided(reference));
        }
        match require_approved(payment) {
            Ok(payment) => Ok(tx.commit(payment).await?),
            Err(answer) => {
                tx.commit_part().await?;
                Err(answer)
            }
        }
    }

    /// Commits the intent to refund before the provider is called. Returns the payment if the refund is done already.
    async fn record_refund_intent(
        &self,
        cx: &mut CallContext,
        reference: &str,
        refund: &str,
        amount: Money,
    ) -> Result<Option<Payment>, PaymentsError> {
        let now = self.clock.now();
        let mut tx = self.db.begin(cx).await?;
        let is_captured = store::lock_captured(&mut tx, reference, now).await?;
        let payment = require_found(store::payment(&mut tx, reference).await?, reference)?;
        if !is_captured {
            let reference = reference.to_owned();
            return Err(PaymentsError::NotCaptured { reference });
        }
        if let Some(before) = store::refund(&mut tx, refund).await? {
            if before.payment != reference || before.amount != amount.ten_thousandths() {
                return Err(PaymentsError::RefundDiffers {
                    refund: refund.to_owned(),
                    amount: Money::new(before.amount, payment.amount.currency()),
                });
            }
            return Ok(before.done.then_some(payment));
        }
        let left = payment.captured.ten_thousandths() - store::sum_refunds(&mut tx, reference).await?;
        let left = Money::new(left, payment.captured.currency());
        if amount.currency() != left.currency() || amount.ten_thousandths() > left.ten_thousandths() {
            return Err(PaymentsError::RefundTooLarge {
                reference: reference.to_owned(),
                requested: amount,
                left,
            });
        }
        store::add_refund(&mut tx, refund, reference, amount, now).await?;
        tx.commit_part().await?;
        Ok(None)
    }
}

fn require_found(found: Option<Payment>, reference: &str) -> Result<Payment, PaymentsError> {
    found.ok_or_else(|| PaymentsError::UnknownPayment {
        reference: reference.to_owned(),
    })
}

/// Returns an authorized or captured payment. Fails with the reason why the money is not available otherwise.
fn require_approved(payment: Payment) -> Result<Payment, PaymentsError> {
    match payment.status {
        PaymentStatus::Authorized | PaymentStatus::Captured => Ok(payment),
        PaymentStatus::Declined => Err(PaymentsError::PaymentDeclined {
            reason: payment.decline_reason.unwrap_or_default(),
        }),
        PaymentStatus::Voided => Err(voided(&payment.reference)),
        PaymentStatus::Pending => {
            Err(CallFailure::internal("the payment is still pending after the decision was recorded").into())
        }
    }
}

fn voided(reference: &str) -> PaymentsError {
    PaymentsError::PaymentVoided {
        reference: reference.to_owned(),
    }
}
