//! Projection of the orders, the data source of all reports. Contains no SQL; see `store/projection.rs`.

use std::sync::Arc;

use async_trait::async_trait;
use offshoot_contract::CallFailure;
use offshoot_db::Tx;
use offshoot_outbox::{Delivered, Projection, Rejection, Subscription, latest_per_key};
use orders_api::v1::OrdersEvent;

use crate::counting::count_order;
use crate::store;

/// Name of the subscription that feeds the projection.
pub const ORDERS_SUBSCRIPTION: &str = "reporting-orders";

/// Subscriptions of the reporting module. The process that hosts the module must run them.
#[must_use]
pub fn subscriptions() -> Vec<Subscription> {
    vec![Subscription::projection(
        ORDERS_SUBSCRIPTION,
        Arc::new(OrdersProjection),
    )]
}

/// Projects each order in the latest state, with the counted units and amounts.
#[derive(Debug, Clone, Copy)]
pub struct OrdersProjection;

#[async_trait]
impl Projection for OrdersProjection {
    type Event = OrdersEvent;

    async fn apply(&self, tx: &mut Tx<'_>, events: &[Delivered<OrdersEvent>]) -> Result<(), Rejection> {
        let (mut orders, mut lines) = (Vec::new(), Vec::new());
        for delivered in latest_per_key(events) {
            let order = delivered.event.order();
            let counted =
                count_order(order).map_err(|error| Rejection::Event(format!("{}: {error}", order.order_id)))?;
            orders.push(store::projection::order_row(order, &counted, delivered.position));
            lines.extend(store::projection::line_rows(order, &counted, delivered.position));
        }
        store::projection::upsert_orders(tx, orders).await?;
        if !lines.is_empty() {
            store::projection::upsert_lines(tx, lines).await?;
        }
        Ok(())
    }

    async fn clear(&self, tx: &mut Tx<'_>) -> Result<(), CallFailure> {
        store::projection::clear(tx).await
    }
}
