//! How orders are made, and what they do by themselves.

use std::sync::Arc;

use ::orders::{Collaborators, Orders, OrdersSettings};
use offshoot_contract::Clock;
use offshoot_db::Db;
use orders_api::v1::OrdersApi;

use crate::config::Settings;
use crate::serve::jobs::{Job, repeatedly};

pub(super) fn build(
    db: Db,
    clock: &Arc<dyn Clock>,
    settings: &Settings,
    others: Collaborators,
    jobs: &mut Vec<Job>,
) -> Arc<dyn OrdersApi> {
    let own = OrdersSettings {
        lease: settings.orders.lease,
        reservation: settings.orders.reservation,
    };
    let orders = Arc::new(Orders::new(db, Arc::clone(clock), others, own));
    let sweeping = Arc::clone(&orders);
    jobs.push(repeatedly("sweep of orders", settings.orders.sweep_every, move || {
        let orders = Arc::clone(&sweeping);
        async move { orders.sweep().await }
    }));
    orders
}
