//! Notices by event: the wording, and the subscription that writes notices.

use std::sync::Arc;

use async_trait::async_trait;
use offshoot_contract::EventSet;
use offshoot_db::Tx;
use offshoot_outbox::{Delivered, Rejection, Subscriber, Subscription};
use orders_api::v1::OrdersEvent;

use crate::store;

/// The subscription that writes notices.
pub const ORDERS: &str = "notifications-orders";

/// Subscriptions of the module.
#[must_use]
pub fn subscriptions() -> Vec<Subscription> {
    vec![Subscription::new(ORDERS, Arc::new(Teller))]
}

/// Writes a notice for each event that concerns a customer.
#[derive(Debug, Clone, Copy)]
pub struct Teller;

#[async_trait]
impl Subscriber for Teller {
    type Event = OrdersEvent;

    /// Does not look for an existing notice: an event takes effect once, and a second notice would be a visible defect
    /// of the delivery.
    async fn handle(&self, tx: &mut Tx<'_>, event: &Delivered<OrdersEvent>) -> Result<(), Rejection> {
        let order = event.event.order();
        let is_ours = order.number.is_none();
        if let Some(subject) = subject(&event.event).filter(|_| is_ours) {
            store::add(tx, order, &subject, event.position, &event.event.key()).await?;
        }
        Ok(())
    }
}

/// One line of text; `None` for events without a notice.
fn subject(event: &OrdersEvent) -> Option<String> {
    let order = event.order();
    let id = order.order_id;
    match event {
        OrdersEvent::Placed(_) => None,
        OrdersEvent::Confirmed(_) => Some(format!("{id} is confirmed: {}", order.total)),
        OrdersEvent::Failed(_) => Some(format!("{id} came to nothing, and nothing was charged")),
        OrdersEvent::Cancelled(_) => Some(format!("{id} is cancelled: {} is given back", order.refunded)),
        OrdersEvent::Returned(_) => Some(format!(
            "some of {id} came back: {} is given back so far",
            order.refunded
        )),
    }
}
