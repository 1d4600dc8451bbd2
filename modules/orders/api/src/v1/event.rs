//! Events of the orders module.

use catalog_api::ProductId;
use offshoot_contract::{EventSet, Money, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::OrderStatus;
use crate::OrderId;

/// Events of the orders module. Each holds a snapshot of the whole order after the change.
#[derive(Debug, Clone, PartialEq, EventSet)]
#[events(module = "orders")]
pub enum OrdersEvent {
    /// An order was placed, and is pending.
    #[event(name = "order-placed", version = 1, key = order_id, lasting)]
    Placed(OrderSnapshot),
    /// An order was confirmed, or a sale of another system was recorded.
    #[event(name = "order-confirmed", version = 1, key = order_id, lasting)]
    Confirmed(OrderSnapshot),
    /// An order failed.
    #[event(name = "order-failed", version = 1, key = order_id, lasting)]
    Failed(OrderSnapshot),
    /// An order was cancelled: all remaining units were returned.
    #[event(name = "order-cancelled", version = 1, key = order_id, lasting)]
    Cancelled(OrderSnapshot),
    /// Some units of an order were returned.
    #[event(name = "order-returned", version = 1, key = order_id, lasting)]
    Returned(OrderSnapshot),
}

impl OrdersEvent {
    /// Snapshot of the order, whatever the event.
    #[must_use]
    pub fn order(&self) -> &OrderSnapshot {
        match self {
            OrdersEvent::Placed(order)
            | OrdersEvent::Confirmed(order)
            | OrdersEvent::Failed(order)
            | OrdersEvent::Cancelled(order)
            | OrdersEvent::Returned(order) => order,
        }
    }
}

/// Snapshot of an order in an event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OrderSnapshot {
    /// Id of the order.
    pub order_id: OrderId,
    /// Status of the order.
    pub status: OrderStatus,
    /// Number of the invoice or credit note, for a sale of another system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// E-mail address, or customer number of another system; empty if unknown.
    pub customer: String,
    /// Country as given at checkout or in the recorded sale.
    pub country: String,
    /// Sum of the lines. Negative for a credit note.
    pub total: Money,
    /// Amount refunded so far.
    pub refunded: Money,
    /// Lines in the sequence of the cart or the invoice.
    pub lines: Vec<OrderLineSnapshot>,
    /// When the order was placed or the sale was made.
    pub placed_at: Timestamp,
    /// When the change happened.
    pub at: Timestamp,
}

/// Snapshot of an order line in an event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OrderLineSnapshot {
    /// The product. Absent for a recorded sale without a known product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product_id: Option<ProductId>,
    /// SKU of the product, or code of a charge or service.
    pub sku: String,
    /// Ordered units. Negative on a credit note.
    pub quantity: i64,
    /// Returned units.
    pub returned: i64,
    /// Quantity times unit price.
    pub line_total: Money,
}
