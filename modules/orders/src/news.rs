//! What the orders tell of: each turn that an order takes, in the transaction that takes it.

use offshoot_contract::{CallFailure, Money, Timestamp};
use offshoot_db::Tx;
use offshoot_outbox::Publish as _;
use orders_api::v1::{LineNews, Order, OrderNews, OrderStatus, OrdersEvent};

use crate::sales::AcceptedSale;

/// Announces a turn of an order, which is as it will be. `turn` is the event.
pub(crate) async fn tell(
    tx: &mut Tx<'_>,
    turn: fn(OrderNews) -> OrdersEvent,
    order: &Order,
    at: Timestamp,
) -> Result<(), CallFailure> {
    let lines = order.lines.iter().map(|line| LineNews {
        product_id: line.product_id,
        sku: line.sku.clone(),
        quantity: line.quantity,
        returned: line.returned,
        line_total: line.line_total,
    });
    let news = OrderNews {
        order_id: order.id,
        status: order.status,
        number: order.number.clone(),
        customer: order.customer.clone(),
        country: order.country.clone(),
        total: order.total,
        refunded: order.refunded,
        lines: lines.collect(),
        placed_at: order.placed_at,
        at,
    };
    tx.publish(&turn(news)).await
}

/// Announces sales that were made elsewhere and are recorded now.
pub(crate) async fn tell_of_sales(tx: &mut Tx<'_>, sales: &[AcceptedSale], at: Timestamp) -> Result<(), CallFailure> {
    let events = sales.iter().map(|accepted| {
        let sale = &accepted.sale;
        let lines = sale.lines.iter().map(|line| LineNews {
            product_id: line.product_id,
            sku: line.sku.clone(),
            quantity: line.quantity,
            returned: 0,
            // The sale's total was made of them, so they fit.
            line_total: line.unit_price.checked_mul(line.quantity).unwrap_or(line.unit_price),
        });
        OrdersEvent::Confirmed(OrderNews {
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
