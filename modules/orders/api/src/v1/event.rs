//! What the orders announce.

use catalog_api::ProductId;
use offshoot_contract::{EventSet, Money, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::OrderStatus;
use crate::OrderId;

/// What the orders announce. Each holds the whole order as it is then.
#[derive(Debug, Clone, PartialEq, EventSet)]
#[events(module = "orders")]
pub enum OrdersEvent {
    /// An order was placed; it is not decided yet.
    #[event(name = "order-placed", version = 1, key = order_id, lasting)]
    Placed(OrderNews),
    /// It is agreed, or a sale that was made elsewhere was recorded.
    #[event(name = "order-confirmed", version = 1, key = order_id, lasting)]
    Confirmed(OrderNews),
    /// It came to nothing.
    #[event(name = "order-failed", version = 1, key = order_id, lasting)]
    Failed(OrderNews),
    /// All that was left of it was taken back.
    #[event(name = "order-cancelled", version = 1, key = order_id, lasting)]
    Cancelled(OrderNews),
    /// Some of it came back.
    #[event(name = "order-returned", version = 1, key = order_id, lasting)]
    Returned(OrderNews),
}

impl OrdersEvent {
    /// The order, whatever has become of it.
    #[must_use]
    pub fn order(&self) -> &OrderNews {
        match self {
            OrdersEvent::Placed(order)
            | OrdersEvent::Confirmed(order)
            | OrdersEvent::Failed(order)
            | OrdersEvent::Cancelled(order)
            | OrdersEvent::Returned(order) => order,
        }
    }
}

/// An order as it is announced.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OrderNews {
    /// The order.
    pub order_id: OrderId,
    /// Where it stands.
    pub status: OrderStatus,
    /// The invoice's or credit note's number, for a sale that was made elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// An e-mail address, or the customer's number elsewhere; empty where nobody said.
    pub customer: String,
    /// As it was given.
    pub country: String,
    /// The sum of the lines. Negative for a credit note.
    pub total: Money,
    /// What was given back of it so far.
    pub refunded: Money,
    /// In the order of the cart or the invoice.
    pub lines: Vec<LineNews>,
    /// When it was made.
    pub placed_at: Timestamp,
    /// When this came about.
    pub at: Timestamp,
}

/// A line of an order as it is announced.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LineNews {
    /// The product, unless the line names none that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product_id: Option<ProductId>,
    /// Its SKU, or the code of a charge or service.
    pub sku: String,
    /// Units. Negative on a credit note.
    pub quantity: i64,
    /// Units of them that came back.
    pub returned: i64,
    /// Quantity times price.
    pub line_total: Money,
}
