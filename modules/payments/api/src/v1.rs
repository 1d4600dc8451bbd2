//! Version 1 of the payments contract: payments through a payment provider.
//!
//! Amounts are authorized, captured, voided and refunded through a provider that stores the cards. The contract has no
//! card numbers: callers pass a token from the provider's form, and the token is neither stored nor logged.
//!
//! A caller names payments and refunds by a **reference** that the caller makes up, such as an order id with a step
//! name. A reference identifies one thing for ever, so every call may be repeated at any time: the provider receives
//! the same reference as key and executes nothing twice.

// The token type, hidden from logs.
mod token;

use async_trait::async_trait;
use offshoot_contract::{
    CallContext, CallFailure, ContractError, Money, Page, PageSize, Scalar, Timestamp, contract, page_token,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::token::PaymentToken;

/// Maximum length of a reference, bytes of printable ASCII.
pub const MAX_REFERENCE_BYTES: usize = 100;
/// Maximum length of a token, bytes of printable ASCII. Tokens of real providers have up to 200.
pub const MAX_TOKEN_BYTES: usize = 255;

/// Payments through a payment provider. Callers pass a token from the provider's form, 1 to 255 bytes, never a card
/// number; no token is stored or logged.
///
/// A reference is a name that the caller makes up for one payment or refund, 1 to 100 bytes of printable ASCII without
/// spaces. A reference stands for one effect for ever, so every call may be repeated at any time.
///
/// A list has 20 items per page, or `page_size` items, 1 to 100. `page_token` is the `next_page_token` of the previous
/// page; the last page has none.
#[contract(name = "payments", version = "1.0")]
#[async_trait]
pub trait PaymentsApi: Send + Sync + 'static {
    /// Holds `amount` on the card behind `token`. A repeat with the same reference returns the result of the first
    /// call, and calls the provider again only while the payment is pending. Fails with `PaymentDeclined`, with
    /// `PaymentVoided` if the reference was voided, even before the authorization, with `PaymentDiffers` if the
    /// reference has another amount, or with `InvalidPayment`. If the provider does not answer in time, the call fails
    /// with "may have executed", and `settle` determines the result.
    #[put("/payments/{reference}", timeout = "10s")]
    async fn authorize(
        &self,
        cx: &mut CallContext,
        #[schemars(length(min = 1, max = MAX_REFERENCE_BYTES))] reference: String,
        amount: Money,
        token: PaymentToken,
    ) -> Result<Payment, PaymentsError>;

    /// Resolves a pending payment by asking the provider, and returns the payment. Needs no token: an authorization
    /// that never reached the provider becomes `Voided`. Fails with `UnknownPayment`.
    #[put("/payments/{reference}/settlement", timeout = "10s")]
    async fn settle(&self, cx: &mut CallContext, reference: String) -> Result<Payment, PaymentsError>;

    /// Captures the whole held amount, once, however often the call is repeated. Fails with `UnknownPayment`,
    /// `PaymentVoided`, `PaymentDeclined`, `NotAuthorized` while the payment is pending, or `CaptureRefused`.
    #[put("/payments/{reference}/capture", timeout = "10s")]
    async fn capture(&self, cx: &mut CallContext, reference: String) -> Result<Payment, PaymentsError>;

    /// Releases the held amount and refuses the reference from then on. An unknown reference can no longer be
    /// authorized either, so a late `authorize` does no harm. A declined payment stays declined. Fails with
    /// `PaymentCaptured` after a capture, or with `InvalidPayment`.
    #[delete("/payments/{reference}", timeout = "10s")]
    async fn void(
        &self,
        cx: &mut CallContext,
        #[schemars(length(min = 1, max = MAX_REFERENCE_BYTES))] reference: String,
    ) -> Result<(), PaymentsError>;

    /// Refunds part of the captured amount, once per `refund` reference. Fails with `UnknownPayment`, `NotCaptured`,
    /// `RefundTooLarge` if less is left of the captured amount, `RefundDiffers` if the refund reference has another
    /// amount or payment, or `InvalidPayment`.
    #[put("/payments/{reference}/refunds/{refund}", timeout = "10s")]
    async fn refund(
        &self,
        cx: &mut CallContext,
        reference: String,
        #[schemars(length(min = 1, max = MAX_REFERENCE_BYTES))] refund: String,
        amount: Money,
    ) -> Result<Payment, PaymentsError>;

    /// Returns a payment as recorded, without asking the provider. Fails with `UnknownPayment`.
    #[get("/payments/{reference}")]
    async fn payment(&self, cx: &mut CallContext, reference: String) -> Result<Payment, PaymentsError>;

    /// Lists the payments with `status`, or all, ordered by reference. Fails with `BadPageToken`.
    #[get("/payments")]
    async fn payments(
        &self,
        cx: &mut CallContext,
        status: Option<PaymentStatus>,
        #[schemars(range(min = 1, max = PageSize::MAX))] page_size: Option<u32>,
        #[schemars(length(max = page_token::MAX_TOKEN_CHARS))] page_token: Option<String>,
    ) -> Result<Page<Payment>, PaymentsError>;
}

/// A payment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Payment {
    /// Reference given by the caller.
    pub reference: String,
    /// Current status.
    pub status: PaymentStatus,
    /// Requested amount.
    pub amount: Money,
    /// Captured amount: 0 or `amount`.
    pub captured: Money,
    /// Sum of the refunds that the provider has executed.
    pub refunded: Money,
    /// Reason given by the provider for a declined payment.
    pub decline_reason: Option<String>,
    /// Time of the first request.
    pub created_at: Timestamp,
    /// Time of the last change.
    pub updated_at: Timestamp,
}

offshoot_contract::named! {
    /// Status of a payment.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
    pub enum PaymentStatus {
        /// The provider was called, and the decision is not known yet.
        Pending = "pending",
        /// The amount is held.
        Authorized = "authorized",
        /// The provider declined to hold the amount.
        Declined = "declined",
        /// The amount was captured.
        Captured = "captured",
        /// The amount was released, or the reference was voided before the authorization.
        Voided = "voided",
    }
}

impl Scalar for PaymentStatus {}

/// Errors of the payments module.
#[derive(Debug, Clone, PartialEq, thiserror::Error, ContractError)]
pub enum PaymentsError {
    /// The provider declined to hold the amount.
    #[error("the payment was declined: {reason}")]
    #[problem(status = 402, code = "payment-declined")]
    PaymentDeclined {
        /// Reason given by the provider.
        reason: String,
    },
    /// No payment has this reference.
    #[error("there is no payment {reference}")]
    #[problem(status = 404, code = "unknown-payment")]
    UnknownPayment {
        /// The requested reference.
        reference: String,
    },
    /// The payment was voided.
    #[error("payment {reference} was voided")]
    #[problem(status = 409, code = "payment-voided")]
    PaymentVoided {
        /// The payment.
        reference: String,
    },
    /// The payment was captured.
    #[error("payment {reference} was captured: refund the payment instead")]
    #[problem(status = 409, code = "payment-captured")]
    PaymentCaptured {
        /// The payment.
        reference: String,
    },
    /// The decision of the provider is not known yet.
    #[error("payment {reference} is not authorized yet")]
    #[problem(status = 409, code = "not-authorized")]
    NotAuthorized {
        /// The payment.
        reference: String,
    },
    /// The provider refused to capture the held amount. A repeat is refused too.
    #[error("payment {reference} could not be captured: {reason}")]
    #[problem(status = 409, code = "capture-refused")]
    CaptureRefused {
        /// The payment.
        reference: String,
        /// Reason given by the provider.
        reason: String,
    },
    /// The payment was not captured, so there is nothing to refund.
    #[error("payment {reference} was not captured")]
    #[problem(status = 409, code = "not-captured")]
    NotCaptured {
        /// The payment.
        reference: String,
    },
    /// The refund exceeds the rest of the captured amount.
    #[error("{requested} cannot be refunded: payment {reference} has {left} left")]
    #[problem(status = 409, code = "refund-too-large")]
    RefundTooLarge {
        /// The payment.
        reference: String,
        /// Requested refund.
        requested: Money,
        /// Captured amount that is not refunded yet.
        left: Money,
    },
    /// The payment with this reference has another amount.
    #[error("payment {reference} already exists with the amount {amount}")]
    #[problem(status = 409, code = "payment-differs")]
    PaymentDiffers {
        /// The payment.
        reference: String,
        /// Amount of the existing payment.
        amount: Money,
    },
    /// The refund with this reference has another amount or payment.
    #[error("refund {refund} already exists for another payment or amount; the existing amount is {amount}")]
    #[problem(status = 409, code = "refund-differs")]
    RefundDiffers {
        /// The refund.
        refund: String,
        /// Amount of the existing refund.
        amount: Money,
    },
    /// A field is invalid.
    #[error("{field}: {reason}")]
    #[problem(status = 422, code = "invalid-payment")]
    InvalidPayment {
        /// Name of the invalid field.
        field: String,
        /// Why the value is invalid and which values are valid. Never contains a token.
        reason: String,
    },
    /// The page token was not issued for this list.
    #[error("{}", page_token::InvalidPageToken)]
    #[problem(status = 422, code = "bad-page-token")]
    BadPageToken,
    /// The call failed outside the payments module's own rules.
    #[error(transparent)]
    Call(#[from] CallFailure),
}
