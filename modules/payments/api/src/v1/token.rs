//! A payment token: what stands for a card. Travels, and shows itself to nobody.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the provider's own form gave the shopper in place of a card, such as `tok_visa`.
///
/// `Debug` does not show it, and it has no `Display`, so that no log and no error message can.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct PaymentToken(String);

impl PaymentToken {
    /// A token as it came. Whether it is one is for the payments module to say.
    pub fn new(token: impl Into<String>) -> Self {
        Self(token.into())
    }

    /// The token itself, for the provider alone.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PaymentToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PaymentToken(..)")
    }
}
