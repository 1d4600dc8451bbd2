//! The use cases of the payments. The provider is asked between transactions: what is intended is committed before where
//! somebody could be charged for it, what was done is committed after. No SQL, no rule of its own.

use async_trait::async_trait;
use offshoot_contract::{CallContext, CallFailure, Money, Page, PageSize, page_token};
use payments_api::v1::{Payment, PaymentStatus, PaymentToken, PaymentsApi, PaymentsError};

use crate::asking::failed;
use crate::provider::{Decision, Found, ProviderFailure};
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
        if let Some(before) = self.intend(cx, &reference, amount).await? {
            return held(before);
        }
        let key = reference.clone();
        let decision = self
            .ask(cx, async |provider| provider.authorize(&key, &token, amount).await)
            .await;
        let (status, reason) = match decision {
            Ok(Decision::Approved) => (PaymentStatus::Authorized, None),
            Ok(Decision::Declined { reason }) | Err(ProviderFailure::Refused { reason }) => {
                (PaymentStatus::Declined, Some(reason))
            }
            Err(failure) => return Err(failed(failure).into()),
        };
        self.decide(cx, &reference, status, reason).await
    }

    async fn settle(&self, cx: &mut CallContext, reference: String) -> Result<Payment, PaymentsError> {
        let payment = self.find(cx, &reference).await?;
        if payment.status != PaymentStatus::Pending {
            return Ok(payment);
        }
        let key = reference.clone();
        let found = self
            .ask(cx, async |provider| provider.find(&key).await)
            .await
            .map_err(failed)?;
        let decided = match found {
            Some(Found::Approved) => self.decide(cx, &reference, PaymentStatus::Authorized, None).await,
            Some(Found::Declined { reason }) => {
                self.decide(cx, &reference, PaymentStatus::Declined, Some(reason)).await
            }
            // One that never arrived may still be on its way: the provider will refuse it.
            Some(Found::Voided) | None => self.void(cx, reference.clone()).await.and(Err(voided(&reference))),
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
            _ => return held(payment),
        }
        let key = reference.clone();
        match self.ask(cx, async |provider| provider.capture(&key).await).await {
            Ok(()) => {}
            Err(ProviderFailure::Refused { reason }) => {
                return Err(PaymentsError::CaptureRefused { reference, reason });
            }
            Err(failure) => return Err(failed(failure).into()),
        }
        let turn = [PaymentStatus::Authorized, PaymentStatus::Captured];
        let mut tx = self.db.begin(cx).await?;
        store::turn(&mut tx, &reference, turn, None, self.clock.now()).await?;
        let payment = known(store::payment(&mut tx, &reference).await?, &reference)?;
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
        // The provider first: a payment that is noted as voided is voided there.
        let key = reference.clone();
        match self.ask(cx, async |provider| provider.void(&key).await).await {
            Ok(()) => {}
            Err(ProviderFailure::Refused { .. }) => return Err(PaymentsError::PaymentCaptured { reference }),
            Err(failure) => return Err(failed(failure).into()),
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
        if let Some(done) = self.intend_refund(cx, &reference, &refund, amount).await? {
            return Ok(done);
        }
        let (key, name) = (reference.clone(), refund.clone());
        let given = self
            .ask(cx, async |provider| provider.refund(&key, &name, amount).await)
            .await;
        given.map_err(failed)?;
        let mut tx = self.db.begin(cx).await?;
        store::end_refund(&mut tx, &refund).await?;
        let payment = known(store::payment(&mut tx, &reference).await?, &reference)?;
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
        let size = PageSize::of(page_size);
        let list = ["payments", status.map_or("", store::status_text)];
        let after = match page_token {
            Some(token) => page_token::open(&list, &token).ok_or(PaymentsError::BadPageToken)?,
            None => String::new(),
        };
        let mut read = self.db.read(cx).await?;
        let rows = store::payments(&mut read, status, &after, size + 1).await?;
        Ok(page_token::page(rows, size, |last| {
            page_token::issue(&list, &last.reference)
        }))
    }
}

impl Payments {
    async fn find(&self, cx: &mut CallContext, reference: &str) -> Result<Payment, PaymentsError> {
        let mut read = self.db.read(cx).await?;
        known(store::payment(&mut read, reference).await?, reference)
    }

    /// Writes a payment down before the provider is asked. Answers it if it is decided.
    async fn intend(
        &self,
        cx: &mut CallContext,
        reference: &str,
        amount: Money,
    ) -> Result<Option<Payment>, PaymentsError> {
        let mut tx = self.db.begin(cx).await?;
        if store::add(&mut tx, reference, amount, self.clock.now()).await? {
            tx.commit_part().await?;
            return Ok(None);
        }
        let before = known(store::payment(&mut tx, reference).await?, reference)?;
        // One that was voided before it was asked for has no amount.
        if before.amount != amount && before.status != PaymentStatus::Voided {
            return Err(PaymentsError::PaymentDiffers {
                reference: reference.to_owned(),
                amount: before.amount,
            });
        }
        Ok((before.status != PaymentStatus::Pending).then_some(before))
    }

    /// Notes what the provider decided about a pending payment, unless somebody else has meanwhile.
    async fn decide(
        &self,
        cx: &mut CallContext,
        reference: &str,
        status: PaymentStatus,
        reason: Option<String>,
    ) -> Result<Payment, PaymentsError> {
        let mut tx = self.db.begin(cx).await?;
        let turn = [PaymentStatus::Pending, status];
        store::turn(&mut tx, reference, turn, reason.as_deref(), self.clock.now()).await?;
        let payment = known(store::payment(&mut tx, reference).await?, reference)?;
        if payment.status == PaymentStatus::Voided && status == PaymentStatus::Authorized {
            // Voided while the provider was deciding. It was told then, and is told again in case it was told first.
            drop(tx);
            let key = reference.to_owned();
            self.ask(cx, async |provider| provider.void(&key).await)
                .await
                .map_err(failed)?;
            return Err(voided(reference));
        }
        match held(payment) {
            Ok(payment) => Ok(tx.commit(payment).await?),
            Err(answer) => {
                tx.commit_part().await?;
                Err(answer)
            }
        }
    }

    /// Writes a refund down before the provider is asked. Answers the payment if it was done before.
    async fn intend_refund(
        &self,
        cx: &mut CallContext,
        reference: &str,
        refund: &str,
        amount: Money,
    ) -> Result<Option<Payment>, PaymentsError> {
        let now = self.clock.now();
        let mut tx = self.db.begin(cx).await?;
        let captured = store::hold_captured(&mut tx, reference, now).await?;
        let payment = known(store::payment(&mut tx, reference).await?, reference)?;
        if !captured {
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
        let left = payment.captured.ten_thousandths() - store::refunds(&mut tx, reference).await?;
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

fn known(found: Option<Payment>, reference: &str) -> Result<Payment, PaymentsError> {
    found.ok_or_else(|| PaymentsError::UnknownPayment {
        reference: reference.to_owned(),
    })
}

/// A payment that is decided, or why its money cannot be had.
fn held(payment: Payment) -> Result<Payment, PaymentsError> {
    match payment.status {
        PaymentStatus::Authorized | PaymentStatus::Captured => Ok(payment),
        PaymentStatus::Declined => Err(PaymentsError::PaymentDeclined {
            reason: payment.decline_reason.unwrap_or_default(),
        }),
        PaymentStatus::Voided => Err(voided(&payment.reference)),
        PaymentStatus::Pending => Err(CallFailure::internal("a decided payment is still pending").into()),
    }
}

fn voided(reference: &str) -> PaymentsError {
    PaymentsError::PaymentVoided {
        reference: reference.to_owned(),
    }
}
