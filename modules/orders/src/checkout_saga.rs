//! What a checkout does, from top to bottom. How each step is done stands in [`calls`](crate::calls), who carries it on
//! and when in `offshoot_saga`.
//!
//! Goods are promised and money is held; that decides the order. Then the goods leave, and the money is taken after them,
//! never before. What is decided is carried through, unless goods or money turn out to be gone: nobody has been charged
//! then, so all is taken back.

use std::time::Duration;

use offshoot_contract::CallFailure;
use offshoot_db::Tx;
use offshoot_saga::{Definition, Entry, Plan};
use orders_api::v1::{FailureReason, Order, OrderStatus, OrdersEvent};

use crate::work::{Step, Work};
use crate::{Orders, news, store};

/// An order that nobody could decide for so long fails: its goods are wanted elsewhere, and its shopper has gone.
const UNDECIDED: Duration = Duration::from_secs(60 * 60);

/// A checkout, as it is begun now. A plan that changes gets another version.
pub(crate) const CHECKOUT: Definition<Orders> = Definition {
    kind: "checkout",
    version: 1,
    within: Some(UNDECIDED),
    plan: checkout,
};

fn checkout(_: &Work) -> Plan<Orders> {
    Plan::new()
        .in_turn([
            Step::new("reserve", |orders, cx, turn| Box::pin(orders.reserve(cx, turn)))
                .undone_by("release", |orders, cx, turn| Box::pin(orders.release(cx, turn))),
            Step::new("authorize", |orders, cx, turn| Box::pin(orders.authorize(cx, turn)))
                .undone_by("void", |orders, cx, turn| Box::pin(orders.void(cx, turn))),
        ])
        .then("confirmed", |_, tx, work, entry| Box::pin(confirmed(tx, work, entry)))
        .no_way_back()
        .in_turn([
            Step::new("ship", |orders, cx, turn| Box::pin(orders.ship(cx, turn))).reversed_by(
                "put-back",
                |orders, cx, turn| Box::pin(orders.put_all_back(cx, turn)),
                "release",
            ),
            Step::new("capture", |orders, cx, turn| Box::pin(orders.capture(cx, turn))),
        ])
        // The promise had expired and the goods are gone, or the money that was held cannot be taken.
        .or_undo()
        .undoing(|_, tx, work, reason, entry| Box::pin(failed(tx, work, reason, entry)))
        .ended(|_, tx, work, entry| Box::pin(closed(tx, work, entry)))
}

async fn confirmed(tx: &mut Tx<'_>, work: &mut Work, entry: &Entry) -> Result<(), CallFailure> {
    let order = &mut work.order;
    store::confirm(tx, order.id, entry).await?;
    store::add_sale(tx, order, entry.at).await?;
    order.status = OrderStatus::Confirmed;
    noted(order, entry);
    news::tell(tx, OrdersEvent::Confirmed, order, entry.at).await
}

async fn failed(tx: &mut Tx<'_>, work: &mut Work, reason: &FailureReason, entry: &Entry) -> Result<(), CallFailure> {
    let order = &mut work.order;
    store::fail(tx, order.id, reason, entry).await?;
    if order.status == OrderStatus::Confirmed {
        store::add_credit(tx, order, order.total, entry.at).await?;
    }
    order.status = OrderStatus::Failed;
    order.failure = Some(reason.clone());
    noted(order, entry);
    news::tell(tx, OrdersEvent::Failed, order, entry.at).await
}

/// Nothing is open any more. Goods that come back end so too.
pub(crate) async fn closed(tx: &mut Tx<'_>, work: &mut Work, entry: &Entry) -> Result<(), CallFailure> {
    store::close(tx, work.order.id, entry.at).await?;
    noted(&mut work.order, entry);
    Ok(())
}

fn noted(order: &mut Order, entry: &Entry) {
    order.open_steps.clone_from(&entry.open);
    order.updated_at = entry.at;
}
