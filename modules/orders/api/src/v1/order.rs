//! Orders in requests and responses.

use carts_api::CartId;
use catalog_api::ProductId;
use offshoot_contract::{Money, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::OrderId;

/// An order of this store, or a recorded sale of another system.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Order {
    /// Id, assigned by the orders module.
    pub id: OrderId,
    /// Status.
    pub status: OrderStatus,
    /// Reason of the failure. Present if and only if the status is `failed`.
    pub failure: Option<FailureReason>,
    /// Number of the invoice or credit note, for a sale of another system.
    pub number: Option<String>,
    /// The cart of the checkout. Absent for a sale of another system.
    pub cart_id: Option<CartId>,
    /// E-mail address, or customer number of another system; empty if unknown.
    pub customer: String,
    /// Country as given at checkout or in the recorded sale.
    pub country: String,
    /// Lines in the sequence of the cart or the invoice.
    pub lines: Vec<OrderLine>,
    /// Sum of the lines. Negative for a credit note.
    pub total: Money,
    /// Refunded amount.
    pub refunded: Money,
    /// Returns in chronological order. A cancellation is the last.
    pub returns: Vec<Return>,
    /// Names of the open steps, such as `capture`. If empty, the order changes only by further calls.
    pub open_steps: Vec<String>,
    /// When the order was placed or the sale was made.
    pub placed_at: Timestamp,
    /// When the order last changed.
    pub updated_at: Timestamp,
}

offshoot_contract::named! {
    /// Status of an order.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
    pub enum OrderStatus {
        /// Not yet confirmed or failed.
        Pending = "pending",
        /// Confirmed: the stock ships and the payment is captured, or both have happened.
        Confirmed = "confirmed",
        /// Failed: nothing was charged, and nothing ships.
        Failed = "failed",
        /// Confirmed and then cancelled.
        Cancelled = "cancelled",
    }
}

/// Why an order failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub enum FailureReason {
    /// Too little stock.
    InsufficientStock {
        /// The lines with too little stock.
        lines: Vec<ShortLine>,
    },
    /// The payment was declined, or could not be captured.
    PaymentDeclined {
        /// Reason given by the payment provider.
        why: String,
    },
    /// The checkout was interrupted before the payment was authorized.
    Interrupted,
}

/// One line of an order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OrderLine {
    /// Number within the order, from 1.
    pub number: u32,
    /// The product. Absent for a recorded sale without a known product.
    pub product_id: Option<ProductId>,
    /// SKU of the product, or code of a charge or service.
    pub sku: String,
    /// Name of the product when the order was placed.
    pub name: String,
    /// Ordered units. Negative on a credit note.
    pub quantity: i64,
    /// Returned units.
    pub returned: i64,
    /// Price of one unit when the order was placed.
    pub unit_price: Money,
    /// Quantity times unit price.
    pub line_total: Money,
}

/// An order line with too little stock.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ShortLine {
    /// The product.
    pub product_id: ProductId,
    /// SKU of the product.
    pub sku: String,
    /// Requested units.
    pub requested: u32,
    /// Available units.
    pub available: u64,
}

/// Units of an order line to return.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReturnedLine {
    /// Number of the line in the order. A line may appear once per return.
    #[schemars(range(min = 1))]
    pub line: u32,
    /// Units to return, at most the units not yet returned.
    #[schemars(range(min = 1))]
    pub quantity: u32,
}

/// A return.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Return {
    /// Number within the order, from 1.
    pub number: u32,
    /// Returned units by line.
    pub lines: Vec<ReturnedLine>,
    /// Refunded amount.
    pub refund: Money,
    /// Whether the return is the cancellation of the order.
    pub cancellation: bool,
    /// When the return was decided.
    pub at: Timestamp,
}
