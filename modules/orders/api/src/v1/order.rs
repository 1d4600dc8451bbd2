//! Orders as they travel.

use std::fmt;

use carts_api::CartId;
use catalog_api::ProductId;
use offshoot_contract::{Money, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::OrderId;

/// What was agreed, and what has become of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Order {
    /// Given by the orders module.
    pub id: OrderId,
    /// Where it stands.
    pub status: OrderStatus,
    /// Why it failed, if it did.
    pub failure: Option<FailureReason>,
    /// The invoice's or credit note's number, for a sale that was made elsewhere.
    pub number: Option<String>,
    /// The cart that it came from, unless it was made elsewhere.
    pub cart_id: Option<CartId>,
    /// An e-mail address, or the customer's number elsewhere; empty where nobody said.
    pub customer: String,
    /// As it was given.
    pub country: String,
    /// In the order of the cart or the invoice.
    pub lines: Vec<OrderLine>,
    /// The sum of the lines. Negative for a credit note.
    pub total: Money,
    /// What was given back of it.
    pub refunded: Money,
    /// What came back, in order of time. A cancellation is the last.
    pub returns: Vec<Return>,
    /// Steps that are under way, by name, such as `capture`. Empty: nothing will change by itself any more.
    pub open_steps: Vec<String>,
    /// When it was made.
    pub placed_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OrderStatus {
    /// It is not decided yet.
    Pending,
    /// It is agreed: goods and money change hands, or have.
    Confirmed,
    /// It came to nothing; nothing was charged.
    Failed,
    /// It was agreed and taken back.
    Cancelled,
}

impl OrderStatus {
    /// As it travels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            OrderStatus::Pending => "pending",
            OrderStatus::Confirmed => "confirmed",
            OrderStatus::Failed => "failed",
            OrderStatus::Cancelled => "cancelled",
        }
    }
}

impl fmt::Display for OrderStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why an order came to nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub enum FailureReason {
    /// There was not enough of these lines.
    InsufficientStock {
        /// Every line that fell short.
        lines: Vec<ShortLine>,
    },
    /// The money would not be held, or not be taken.
    PaymentDeclined {
        /// In the payment provider's words.
        why: String,
    },
    /// It was interrupted before the money was held.
    Interrupted,
}

/// One line of an order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OrderLine {
    /// From 1, within the order.
    pub number: u32,
    /// The product, unless the line was sold elsewhere and names none that is known.
    pub product_id: Option<ProductId>,
    /// Its SKU, or the code of a charge or service.
    pub sku: String,
    /// Its name at the time.
    pub name: String,
    /// Units. Negative on a credit note.
    pub quantity: i64,
    /// Units of them that came back.
    pub returned: i64,
    /// The price of one at the time.
    pub unit_price: Money,
    /// Quantity times price.
    pub line_total: Money,
}

/// A line for which there was not enough.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ShortLine {
    /// The product.
    pub product_id: ProductId,
    /// Its SKU.
    pub sku: String,
    /// Units that were asked for.
    pub requested: u32,
    /// Units that could be had.
    pub available: u64,
}

/// Goods that come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReturnedLine {
    /// The line's number in the order; once per return.
    pub line: u32,
    /// Units, at most what has not come back yet.
    pub quantity: u32,
}

/// What came back at one time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Return {
    /// From 1, within the order.
    pub number: u32,
    /// What came back.
    pub lines: Vec<ReturnedLine>,
    /// What was given back for it.
    pub refund: Money,
    /// Whether it was the order's cancellation.
    pub cancellation: bool,
    /// When.
    pub at: Timestamp,
}
