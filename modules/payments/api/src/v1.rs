//! Version 1 of the payments' contract.
//!
//! Money is held, taken, let go and given back here, through a provider who keeps the cards. Nothing here takes a card
//! number: callers bring a token that the provider's own form gave them, and the token is neither stored nor logged.
//!
//! A payment and a refund are named by a **reference** of the caller's making, such as its order's id and the step's
//! name. A reference means one thing for ever, so every call may be repeated at any time: the provider is asked under
//! the same name and does nothing twice.

// A token that no log can show.
mod token;

use async_trait::async_trait;
use offshoot_contract::{CallContext, CallFailure, ContractError, Money, Page, Scalar, Timestamp, contract};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::token::PaymentToken;

/// Longest reference, bytes of printable ASCII.
pub const MAX_REFERENCE_BYTES: usize = 100;

/// Money through a payment provider.
#[contract(name = "payments", version = "1.0", callers = ["orders", "replay"])]
#[async_trait]
pub trait PaymentsApi: Send + Sync + 'static {
    /// Holds `amount` on the card behind `token`. The same reference again answers what became of it, and asks the
    /// provider again only if that is still open. Fails with `PaymentDeclined`, with `PaymentVoided` if the reference
    /// was voided, even before it was authorized, with `PaymentDiffers` if it stands for another amount, or with
    /// `InvalidPayment`. A provider who does not answer in time is a failure that may have executed: `settle` finds out.
    #[put("/payments/{reference}", timeout = "10s")]
    async fn authorize(
        &self,
        cx: &mut CallContext,
        reference: String,
        amount: Money,
        token: PaymentToken,
    ) -> Result<Payment, PaymentsError>;

    /// The payment, after the provider was asked what became of an authorization that is pending. Needs no token: one
    /// that never reached the provider is `Voided` from now on. Fails with `UnknownPayment`.
    #[put("/payments/{reference}/settlement", timeout = "10s")]
    async fn settle(&self, cx: &mut CallContext, reference: String) -> Result<Payment, PaymentsError>;

    /// Takes the whole amount that is held; taken once, however often it is called. Fails with `UnknownPayment`,
    /// `PaymentVoided`, `PaymentDeclined`, `NotAuthorized` while it is pending, or `CaptureRefused`.
    #[put("/payments/{reference}/capture", timeout = "10s")]
    async fn capture(&self, cx: &mut CallContext, reference: String) -> Result<Payment, PaymentsError>;

    /// Lets the held amount go, and refuses the reference from now on: one that is not known yet cannot be authorized
    /// any more, so that a late call does no harm. A declined payment stays declined. Fails with `PaymentCaptured` if
    /// the money was taken.
    #[delete("/payments/{reference}", timeout = "10s")]
    async fn void(&self, cx: &mut CallContext, reference: String) -> Result<(), PaymentsError>;

    /// Gives part of the taken money back, once per `refund` reference. Fails with `UnknownPayment`, `NotCaptured`,
    /// `RefundTooLarge` if less is left, `RefundDiffers` if the refund's reference stands for another amount or
    /// payment, or `InvalidPayment`.
    #[put("/payments/{reference}/refunds/{refund}", timeout = "10s")]
    async fn refund(
        &self,
        cx: &mut CallContext,
        reference: String,
        refund: String,
        amount: Money,
    ) -> Result<Payment, PaymentsError>;

    /// One payment as it is known here. Fails with `UnknownPayment`.
    #[get("/payments/{reference}")]
    async fn payment(&self, cx: &mut CallContext, reference: String) -> Result<Payment, PaymentsError>;

    /// The payments with a status, or all, by reference. Fails with `BadPageToken`.
    #[get("/payments")]
    async fn payments(
        &self,
        cx: &mut CallContext,
        status: Option<PaymentStatus>,
        page_size: Option<u32>,
        page_token: Option<String>,
    ) -> Result<Page<Payment>, PaymentsError>;
}

/// Money of one order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Payment {
    /// As the caller named it.
    pub reference: String,
    /// What has become of it.
    pub status: PaymentStatus,
    /// What was asked for.
    pub amount: Money,
    /// What was taken: 0 or `amount`.
    pub captured: Money,
    /// What was given back of it.
    pub refunded: Money,
    /// Why it was declined, in the provider's words.
    pub decline_reason: Option<String>,
    /// When it was first asked for.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What has become of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PaymentStatus {
    /// The provider was asked, and what it decided is not known yet.
    Pending,
    /// The amount is held.
    Authorized,
    /// The provider would not hold it.
    Declined,
    /// The amount was taken.
    Captured,
    /// The amount was let go, or never will be held.
    Voided,
}

impl Scalar for PaymentStatus {}

/// What the payments module answers instead.
#[derive(Debug, Clone, PartialEq, thiserror::Error, ContractError)]
pub enum PaymentsError {
    /// The provider would not hold the amount.
    #[error("the payment was declined: {reason}")]
    #[problem(status = 402, code = "payment-declined")]
    PaymentDeclined {
        /// In the provider's words.
        reason: String,
    },
    /// No payment has this reference.
    #[error("there is no payment {reference}")]
    #[problem(status = 404, code = "unknown-payment")]
    UnknownPayment {
        /// As it was asked for.
        reference: String,
    },
    /// The payment was voided.
    #[error("{reference} was voided")]
    #[problem(status = 409, code = "payment-voided")]
    PaymentVoided {
        /// The payment.
        reference: String,
    },
    /// The money was taken.
    #[error("the money of {reference} was taken: refund it instead")]
    #[problem(status = 409, code = "payment-captured")]
    PaymentCaptured {
        /// The payment.
        reference: String,
    },
    /// What the provider decided is not known yet.
    #[error("{reference} is not authorized yet")]
    #[problem(status = 409, code = "not-authorized")]
    NotAuthorized {
        /// The payment.
        reference: String,
    },
    /// The provider would not let the held amount be taken, and never will.
    #[error("the money of {reference} could not be taken: {reason}")]
    #[problem(status = 409, code = "capture-refused")]
    CaptureRefused {
        /// The payment.
        reference: String,
        /// In the provider's words.
        reason: String,
    },
    /// No money was taken that could be given back.
    #[error("no money of {reference} was taken")]
    #[problem(status = 409, code = "not-captured")]
    NotCaptured {
        /// The payment.
        reference: String,
    },
    /// More than is left of what was taken.
    #[error("{requested} cannot be given back: {left} are left of {reference}")]
    #[problem(status = 409, code = "refund-too-large")]
    RefundTooLarge {
        /// The payment.
        reference: String,
        /// As it was asked for.
        requested: Money,
        /// What is left.
        left: Money,
    },
    /// The reference stands for another amount.
    #[error("{reference} stands for a payment of {amount}")]
    #[problem(status = 409, code = "payment-differs")]
    PaymentDiffers {
        /// The payment.
        reference: String,
        /// What it stands for.
        amount: Money,
    },
    /// The refund's reference stands for another amount or payment.
    #[error("{refund} stands for a refund of {amount}")]
    #[problem(status = 409, code = "refund-differs")]
    RefundDiffers {
        /// The refund.
        refund: String,
        /// What it stands for.
        amount: Money,
    },
    /// A field is not acceptable.
    #[error("{field}: {reason}")]
    #[problem(status = 422, code = "invalid-payment")]
    InvalidPayment {
        /// Its name.
        field: String,
        /// What is wrong with it and what would be right. Never the value of a token.
        reason: String,
    },
    /// A page token that this list did not give.
    #[error("the page token is not one of this list: start again without it")]
    #[problem(status = 422, code = "bad-page-token")]
    BadPageToken,
    /// Not the payments module's own answer.
    #[error(transparent)]
    Call(#[from] CallFailure),
}
