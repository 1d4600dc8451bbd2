//! Events of orders: one event per change of an order, published in the transaction of the change.

use offshoot_contract::{CallFailure, Money, Timestamp};
use offshoot_db::Tx;
use offshoot_outbox::Publish as _;
use orders_api::v1::{OrderLineSnapshot, OrderSnapshot, OrderStatus, OrdersEvent};

use crate::domain::Order;
use crate::sales::AcceptedSale;

/// Publishes an event of an order. `event` is the variant; `order` is the order after the change.
pub(crate) async fn publish_order(
    tx: &mut Tx<'_>,
    event: fn(OrderSnapshot) -> OrdersEvent,
    order: &Order,
    at: Timestamp,
) -> Result<(), CallFailure> {
    let lines = order.lines.iter().map(|line| OrderLineSnapshot {
        product_id: Some(line.product_id),
        sku: line.sku.clone(),
        quantity: i64::from(line.quantity),
        returned: i64::from(line.returned),
        line_total: line.line_total,
    });
    let snapshot = OrderSnapshot {
        order_id: order.id,
        status: order.status,
        number: None,
        customer: order.customer.clone(),
        country: order.country.clone(),
        total: order.total,
        refunded: order.refunded,
        lines: lines.collect(),
        placed_at: order.placed_at,
        at,
    };
    tx.publish(&event(snapshot)).await
}

/// Publishes a confirmed order for each newly recorded sale.
pub(crate) async fn publish_sales(tx: &mut Tx<'_>, sales: &[AcceptedSale], at: Timestamp) -> Result<(), CallFailure> {
    let events = sales.iter().map(|accepted| {
        let sale = &accepted.sale;
        let lines = sale.lines.iter().map(|line| OrderLineSnapshot {
            product_id: line.product_id,
            sku: line.sku.clone(),
            quantity: line.quantity,
            returned: 0,
            // Cannot overflow: the sale's total is the sum of these amounts.
            line_total: line.unit_price.checked_mul(line.quantity).unwrap_or(line.unit_price),
        });
        OrdersEvent::Confirmed(OrderSnapshot {
            order_id: accepted.id,
            status: OrderStatus::Confirmed,
            number: Some(sale.number.clone()),
            customer: sale.customer.clone(),
            country: sale.country.clone(),
            total: accepted.total,
            refunded: Money::new(0, accepted.total.currency()),
            lines: lines.collect(),
            placed_at: sale.at,
            at,
        })
    });
    let events: Vec<_> = events.collect();
    tx.publish_all(&events).await
}
