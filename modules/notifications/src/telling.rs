//! What customers are told of which event. The wording is pure; SQL is the store's.

use std::sync::Arc;

use async_trait::async_trait;
use offshoot_contract::EventSet;
use offshoot_db::Tx;
use offshoot_outbox::{Delivered, Rejection, Subscriber, Subscription};
use orders_api::v1::OrdersEvent;

use crate::store;

/// The subscription that notices are written by.
pub const ORDERS: &str = "notifications-orders";

/// What the notifications hear: run by whoever hosts them.
#[must_use]
pub fn subscriptions() -> Vec<Subscription> {
    vec![Subscription::new(ORDERS, Arc::new(Teller))]
}

/// Writes a notice for each event that customers are told of.
#[derive(Debug, Clone, Copy)]
pub struct Teller;

#[async_trait]
impl Subscriber for Teller {
    type Event = OrdersEvent;

    /// Trusts that each event comes once in effect, and looks for no notice that is there already: a double would be a
    /// defect of the delivery, and is to be seen.
    async fn handle(&self, tx: &mut Tx<'_>, event: &Delivered<OrdersEvent>) -> Result<(), Rejection> {
        let order = event.event.order();
        let is_ours = order.number.is_none();
        if let Some(subject) = subject(&event.event).filter(|_| is_ours) {
            store::add(tx, order, &subject, event.position, &event.event.key()).await?;
        }
        Ok(())
    }
}

/// In one line; none for what is not told.
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
