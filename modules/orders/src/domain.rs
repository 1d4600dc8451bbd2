//! Orders and recorded sales as the rules see them. Pure: knows no database and no other module's state.
//!
//! A type of the contract whose every value is valid here, such as [`FailureReason`], serves the rules too.

// Drafting the order of a cart.
pub(crate) mod draft;
// Validating and applying returns.
pub(crate) mod returning;

use carts_api::CartId;
use catalog_api::ProductId;
use offshoot_contract::{Money, Timestamp};
use orders_api::OrderId;
use orders_api::v1::{FailureReason, OrderStatus, Return};

/// An order that a checkout has placed, or a recorded sale of another system.
#[derive(Debug)]
pub(crate) enum AnyOrder {
    Placed(Order),
    Recorded(RecordedSale),
}

impl AnyOrder {
    /// The order of a checkout. None for a recorded sale.
    pub(crate) fn into_placed(self) -> Option<Order> {
        match self {
            AnyOrder::Placed(order) => Some(order),
            AnyOrder::Recorded(_) => None,
        }
    }

    /// The returns. A recorded sale has none: the other system handles returns.
    pub(crate) fn returns(&self) -> &[Return] {
        match self {
            AnyOrder::Placed(order) => &order.returns,
            AnyOrder::Recorded(_) => &[],
        }
    }
}

/// An order that a checkout has placed.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    pub(crate) id: OrderId,
    pub(crate) cart_id: CartId,
    pub(crate) status: OrderStatus,
    /// Present if and only if the order failed.
    pub(crate) failure: Option<FailureReason>,
    /// E-mail address.
    pub(crate) customer: String,
    pub(crate) country: String,
    pub(crate) lines: Vec<OrderLine>,
    pub(crate) total: Money,
    pub(crate) refunded: Money,
    /// In chronological order.
    pub(crate) returns: Vec<Return>,
    /// Names of the open steps of the order's saga.
    pub(crate) open_steps: Vec<String>,
    pub(crate) placed_at: Timestamp,
    pub(crate) updated_at: Timestamp,
}

impl Order {
    /// The line with this number.
    pub(crate) fn line(&self, number: u32) -> Option<&OrderLine> {
        self.lines.iter().find(|line| line.number == number)
    }
}

/// Units of one product in an order.
#[derive(Debug, Clone)]
pub(crate) struct OrderLine {
    /// Number within the order, from 1.
    pub(crate) number: u32,
    pub(crate) product_id: ProductId,
    pub(crate) sku: String,
    pub(crate) name: String,
    pub(crate) quantity: u32,
    /// Returned units, at most the quantity.
    pub(crate) returned: u32,
    pub(crate) unit_price: Money,
    pub(crate) line_total: Money,
}

impl OrderLine {
    /// Units that were not returned.
    pub(crate) fn left(&self) -> u32 {
        self.quantity.saturating_sub(self.returned)
    }
}

/// A sale of another system. Confirmed from the beginning, and never changed.
#[derive(Debug)]
pub(crate) struct RecordedSale {
    pub(crate) id: OrderId,
    /// Number of the invoice or credit note.
    pub(crate) number: String,
    /// Customer number; empty if unknown.
    pub(crate) customer: String,
    pub(crate) country: String,
    pub(crate) lines: Vec<RecordedLine>,
    pub(crate) total: Money,
    pub(crate) placed_at: Timestamp,
    pub(crate) recorded_at: Timestamp,
}

/// One line of an invoice or credit note.
#[derive(Debug)]
pub(crate) struct RecordedLine {
    /// Number within the sale, from 1.
    pub(crate) number: u32,
    /// Absent for a charge, a service or an unknown product.
    pub(crate) product_id: Option<ProductId>,
    pub(crate) sku: String,
    pub(crate) name: String,
    /// Negative on a credit note.
    pub(crate) quantity: i64,
    pub(crate) unit_price: Money,
    pub(crate) line_total: Money,
}
