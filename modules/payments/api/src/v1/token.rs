//! A payment token, which represents a card. Serializable, but never shown in logs or error messages.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::MAX_TOKEN_BYTES;

// The rest of the comment is not documentation, which the OpenAPI document shows to clients: `Debug` hides the token, and
// there is no `Display`, so that no log and no error message can contain the token.
/// Token from the payment provider's form that represents a card, such as `tok_visa`. Never a card number.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct PaymentToken(#[schemars(length(min = 1, max = MAX_TOKEN_BYTES))] String);

impl PaymentToken {
    /// Wraps a token without validation. The payments module validates tokens.
    pub fn new(token: impl Into<String>) -> Self {
        Self(token.into())
    }

    /// Returns the token itself, for the provider only.
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
