//! Notices: which order events cause a notice, the wording, and the subscription that writes notices. Knows no SQL.

use std::sync::Arc;

use async_trait::async_trait;
use offshoot_contract::EventSet;
use offshoot_db::Tx;
use offshoot_outbox::{Delivered, Rejection, Subscriber, Subscription};
use orders_api::v1::OrdersEvent;

use crate::store;

/// Name of the subscription that writes notices.
pub const ORDERS_SUBSCRIPTION: &str = "notifications-orders";

/// Subscriptions of the module.
#[must_use]
pub fn subscriptions() -> Vec<Subscription> {
    vec![Subscription::new(ORDERS_SUBSCRIPTION, Arc::new(NoticeWriter))]
}

/// Writes one notice per event. Orders that are only placed, and sales imported from another system, get none.
#[derive(Debug, Clone, Copy)]
pub struct NoticeWriter;

#[async_trait]
impl Subscriber for NoticeWriter {
    type Event = OrdersEvent;

    /// Does not look for an existing notice: the outbox delivers each event with one effect, and a check here would hide a
    /// defect of the outbox.
    async fn handle(&self, tx: &mut Tx<'_>, event: &Delivered<OrdersEvent>) -> Result<(), Rejection> {
        let order = event.event.order();
        // Only sales imported from another system have a number.
        let is_from_this_store = order.number.is_none();
        if let Some(subject) = subject(&event.event).filter(|_| is_from_this_store) {
            store::insert(tx, order, &subject, event.position, &event.event.key()).await?;
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
        OrdersEvent::Failed(_) => Some(format!("{id} failed: nothing was charged")),
        OrdersEvent::Cancelled(_) => Some(format!("{id} is cancelled: {} refunded", order.refunded)),
        OrdersEvent::Returned(_) => Some(format!(
            "items of {id} were returned: {} refunded so far",
            order.refunded
        )),
    }
}
