//! How orders are made, and what they do by themselves.

use std::sync::Arc;

use ::orders::{Collaborators, Orders, OrdersSettings};
use offshoot_contract::Clock;
use orders_api::v1::OrdersApi;

use crate::config::Settings;
use crate::serve::working::Working;

pub(super) fn build(
    here: &mut Working,
    clock: &Arc<dyn Clock>,
    settings: &Settings,
    others: Collaborators,
) -> Arc<dyn OrdersApi> {
    let own = OrdersSettings {
        lease: settings.orders.lease,
        reservation: settings.orders.reservation,
    };
    let orders = Arc::new(Orders::new(here.db(), Arc::clone(clock), others, own));
    let sweeping = Arc::clone(&orders);
    here.repeatedly("resumption of orders", settings.orders.sweep_every, move |_| {
        let orders = Arc::clone(&sweeping);
        async move { orders.sweep().await }
    });
    orders
}
