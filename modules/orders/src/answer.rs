//! Orders as the contract gives them in answers, and the error that answers a failed checkout. Knows no database.

use offshoot_contract::Money;
use orders_api::OrderId;
use orders_api::v1::{self, FailureReason, OrderStatus, OrdersError};

use crate::domain::{AnyOrder, Order, OrderLine, RecordedLine, RecordedSale};

/// Answer of a checkout: the order, or the error of a failed order.
pub(crate) fn checkout_answer(order: Order) -> Result<v1::Order, OrdersError> {
    match (order.status, order.failure) {
        (OrderStatus::Failed, Some(reason)) => Err(checkout_error(order.id, reason)),
        (_, failure) => Ok(Order { failure, ..order }.into()),
    }
}

fn checkout_error(order_id: OrderId, reason: FailureReason) -> OrdersError {
    match reason {
        FailureReason::InsufficientStock { lines } => OrdersError::InsufficientStock { order_id, lines },
        FailureReason::PaymentDeclined { why } => OrdersError::PaymentDeclined { order_id, reason: why },
        FailureReason::Interrupted => OrdersError::CheckoutInterrupted { order_id },
    }
}

impl From<AnyOrder> for v1::Order {
    fn from(order: AnyOrder) -> Self {
        match order {
            AnyOrder::Placed(order) => order.into(),
            AnyOrder::Recorded(sale) => sale.into(),
        }
    }
}

impl From<Order> for v1::Order {
    fn from(order: Order) -> Self {
        Self {
            id: order.id,
            status: order.status,
            failure: order.failure,
            number: None,
            cart_id: Some(order.cart_id),
            customer: order.customer,
            country: order.country,
            lines: order.lines.into_iter().map(Into::into).collect(),
            total: order.total,
            refunded: order.refunded,
            returns: order.returns,
            open_steps: order.open_steps,
            placed_at: order.placed_at,
            updated_at: order.updated_at,
        }
    }
}

impl From<OrderLine> for v1::OrderLine {
    fn from(line: OrderLine) -> Self {
        Self {
            number: line.number,
            product_id: Some(line.product_id),
            sku: line.sku,
            name: line.name,
            quantity: i64::from(line.quantity),
            returned: i64::from(line.returned),
            unit_price: line.unit_price,
            line_total: line.line_total,
        }
    }
}

impl From<RecordedSale> for v1::Order {
    fn from(sale: RecordedSale) -> Self {
        Self {
            id: sale.id,
            status: OrderStatus::Confirmed,
            failure: None,
            number: Some(sale.number),
            cart_id: None,
            customer: sale.customer,
            country: sale.country,
            lines: sale.lines.into_iter().map(Into::into).collect(),
            total: sale.total,
            refunded: Money::new(0, sale.total.currency()),
            returns: Vec::new(),
            open_steps: Vec::new(),
            placed_at: sale.placed_at,
            updated_at: sale.recorded_at,
        }
    }
}

impl From<RecordedLine> for v1::OrderLine {
    fn from(line: RecordedLine) -> Self {
        Self {
            number: line.number,
            product_id: line.product_id,
            sku: line.sku,
            name: line.name,
            quantity: line.quantity,
            returned: 0,
            unit_price: line.unit_price,
            line_total: line.line_total,
        }
    }
}
