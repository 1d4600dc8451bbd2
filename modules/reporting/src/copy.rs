//! The copy of the orders that reports are made from. SQL is the store's.

use std::sync::Arc;

use async_trait::async_trait;
use offshoot_contract::CallFailure;
use offshoot_db::Tx;
use offshoot_outbox::{Delivered, Projection, Rejection, Subscription, latest};
use orders_api::v1::OrdersEvent;

use crate::counting::count;
use crate::store;

/// The subscription that the copy hangs on.
pub const ORDERS: &str = "reporting-orders";

/// What the reporting hears: run by whoever hosts it.
#[must_use]
pub fn subscriptions() -> Vec<Subscription> {
    vec![Subscription::copy(ORDERS, Arc::new(CopyOfOrders))]
}

/// Orders as they stand, with what is counted of them.
#[derive(Debug, Clone, Copy)]
pub struct CopyOfOrders;

#[async_trait]
impl Projection for CopyOfOrders {
    type Event = OrdersEvent;

    async fn apply(&self, tx: &mut Tx<'_>, events: &[Delivered<OrdersEvent>]) -> Result<(), Rejection> {
        let (mut orders, mut lines) = (Vec::new(), Vec::new());
        for each in latest(events) {
            let order = each.event.order();
            let counted = count(order).map_err(|why| Rejection::Event(format!("{}: {why}", order.order_id)))?;
            orders.push(store::copy::order_row(order, &counted, each.position));
            lines.extend(store::copy::line_rows(order, &counted, each.position));
        }
        store::copy::put_orders(tx, orders).await?;
        if !lines.is_empty() {
            store::copy::put_lines(tx, lines).await?;
        }
        Ok(())
    }

    async fn clear(&self, tx: &mut Tx<'_>) -> Result<(), CallFailure> {
        store::copy::clear(tx).await
    }
}
