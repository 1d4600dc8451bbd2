//! Interface of a payment provider. Must not know any particular provider.

use async_trait::async_trait;
use offshoot_contract::Money;
use payments_api::v1::PaymentToken;

/// A payment provider: a company with an HTTP API, or the sandbox.
///
/// Every operation names the payment by a key chosen by the payments module and is idempotent by the key: a repeat
/// changes nothing and returns the same answer. So a call without an answer can be repeated.
#[async_trait]
pub trait PaymentProvider: Send + Sync + 'static {
    /// Holds `amount` on the card behind `token`. Refused if the key was voided.
    async fn authorize(&self, key: &str, token: &PaymentToken, amount: Money) -> Result<Decision, ProviderFailure>;

    /// Returns the state of an authorization, or none if the provider never received the key.
    async fn find(&self, key: &str) -> Result<Option<AuthorizationState>, ProviderFailure>;

    /// Captures the whole held amount.
    async fn capture(&self, key: &str) -> Result<(), ProviderFailure>;

    /// Releases the held amount. An unknown key is refused from then on. Refused if the amount was captured.
    async fn void(&self, key: &str) -> Result<(), ProviderFailure>;

    /// Refunds `amount` of the captured money, once per `refund`.
    async fn refund(&self, key: &str, refund: &str, amount: Money) -> Result<(), ProviderFailure>;
}

/// Decision of the provider about an authorization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// The amount is held.
    Approved,
    /// The amount is not held.
    Declined {
        /// Reason for the shopper.
        reason: String,
    },
}

/// State of an authorization at the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthorizationState {
    /// The amount is held or captured.
    Approved,
    /// The authorization was declined.
    Declined {
        /// Reason for the shopper.
        reason: String,
    },
    /// The authorization was voided.
    Voided,
}

/// Failure of a call to the provider.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderFailure {
    /// The provider did nothing; a repeat may succeed.
    #[error("the payment provider is unavailable")]
    Unavailable,
    /// The provider may or may not have executed the operation.
    #[error("the payment provider did not answer in time")]
    Unknown,
    /// The provider did nothing; every repeat will be refused.
    #[error("the payment provider refused the operation: {reason}")]
    Refused {
        /// Reason given by the provider.
        reason: String,
    },
}
