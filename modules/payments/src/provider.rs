//! What a payment provider must do. Knows none of them.

use async_trait::async_trait;
use offshoot_contract::Money;
use payments_api::v1::PaymentToken;

/// Somebody who moves money: a company with an HTTP API, or the sandbox.
///
/// Every operation names the payment by a key of ours and is idempotent by it: done again, it changes nothing and
/// answers as before. So whoever has not heard an answer asks again.
#[async_trait]
pub trait PaymentProvider: Send + Sync + 'static {
    /// Holds `amount` on the card behind `token`. Refused for a key that was voided.
    async fn authorize(&self, key: &str, token: &PaymentToken, amount: Money) -> Result<Decision, ProviderFailure>;

    /// What became of the authorization; none if it never arrived.
    async fn find(&self, key: &str) -> Result<Option<Found>, ProviderFailure>;

    /// Takes all of the held amount.
    async fn capture(&self, key: &str) -> Result<(), ProviderFailure>;

    /// Lets the held amount go. A key that never arrived is refused from now on. Refused if the money was taken.
    async fn void(&self, key: &str) -> Result<(), ProviderFailure>;

    /// Gives `amount` of the taken money back, once per `refund`.
    async fn refund(&self, key: &str, refund: &str, amount: Money) -> Result<(), ProviderFailure>;
}

/// What a provider decided about an authorization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// The amount is held.
    Approved,
    /// It is not.
    Declined {
        /// In words for the shopper.
        reason: String,
    },
}

/// What a provider knows of an authorization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// The amount is held, or was taken.
    Approved,
    /// It was declined.
    Declined {
        /// In words for the shopper.
        reason: String,
    },
    /// It was let go.
    Voided,
}

/// Why a provider did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderFailure {
    /// Nothing was done; ask again.
    #[error("the payment provider is not there")]
    Unavailable,
    /// Nobody knows whether it was done.
    #[error("the payment provider did not answer in time")]
    Unknown,
    /// Nothing was done, and never will be.
    #[error("the payment provider refuses: {reason}")]
    Refused {
        /// In its words.
        reason: String,
    },
}
