//! Plan of a checkout, and the orders' own writes at each commit. [`steps`](crate::steps) has the calls of each step;
//! `offshoot_saga` executes and resumes the plan.
//!
//! Stock is reserved and the payment authorized; then the order is confirmed. After that the stock is shipped, and only
//! then the payment captured. A confirmed order is carried through, unless stock or money turn out to be missing:
//! nothing has been charged then, and everything is undone.

use std::time::Duration;

use offshoot_contract::CallFailure;
use offshoot_db::Tx;
use offshoot_saga::{Definition, Plan, Stage, Transition};
use orders_api::v1::{FailureReason, OrderStatus, OrdersEvent};

use crate::domain::Order;
use crate::orders::Orders;
use crate::saga_state::{SagaState, Step};
use crate::{events, store};

/// Time after which an unconfirmed order fails: the shopper has left, and other shoppers want the stock.
const GIVE_UP_AFTER: Duration = Duration::from_secs(60 * 60);

/// The current version of the checkout. A changed plan gets a new version.
pub(crate) const CHECKOUT: Definition<Orders> = Definition {
    kind: "checkout",
    version: 1,
    give_up_after: Some(GIVE_UP_AFTER),
    plan: checkout,
};

fn checkout(_: &SagaState) -> Plan<Orders> {
    let secure = Stage::sequential([
        Step::new("reserve", |orders, cx, step| Box::pin(orders.reserve(cx, step)))
            .undone_by("release", |orders, cx, step| Box::pin(orders.release(cx, step))),
        Step::new("authorize", |orders, cx, step| Box::pin(orders.authorize(cx, step)))
            .undone_by("void", |orders, cx, step| Box::pin(orders.void(cx, step))),
    ])
    .on_passed("confirmed", |_, tx, state, transition| {
        Box::pin(write_confirmed(tx, state, transition))
    });
    let fulfil = Stage::sequential([
        Step::new("ship", |orders, cx, step| Box::pin(orders.ship(cx, step))).reversed_by(
            "put-back",
            |orders, cx, step| Box::pin(orders.put_back(cx, step)),
            "release",
        ),
        Step::new("capture", |orders, cx, step| Box::pin(orders.capture(cx, step))),
    ])
    // Refused if the reservation has expired and the stock is gone, or if the authorized payment cannot be captured.
    .undo_if_refused();
    Plan::new([secure])
        .after_pivot([fulfil])
        .on_undo(|_, tx, state, reason, transition| Box::pin(write_failed(tx, state, reason, transition)))
        .on_end(|_, tx, state, transition| Box::pin(write_closed(tx, state, transition)))
}

async fn write_confirmed(tx: &mut Tx<'_>, state: &mut SagaState, transition: &Transition) -> Result<(), CallFailure> {
    let order = &mut state.order;
    store::lifecycle::confirm(tx, order.id, transition).await?;
    store::revenue::add_sale_entry(tx, order, transition.at).await?;
    order.status = OrderStatus::Confirmed;
    apply_transition(order, transition);
    events::publish_order(tx, OrdersEvent::Confirmed, order, transition.at).await
}

async fn write_failed(
    tx: &mut Tx<'_>,
    state: &mut SagaState,
    reason: &FailureReason,
    transition: &Transition,
) -> Result<(), CallFailure> {
    let order = &mut state.order;
    store::lifecycle::fail(tx, order.id, reason, transition).await?;
    if order.status == OrderStatus::Confirmed {
        store::revenue::add_credit_entry(tx, order, order.total, transition.at).await?;
    }
    order.status = OrderStatus::Failed;
    order.failure = Some(reason.clone());
    apply_transition(order, transition);
    events::publish_order(tx, OrdersEvent::Failed, order, transition.at).await
}

/// Writes that no step is open any more. Also ends the saga of a return.
pub(crate) async fn write_closed(
    tx: &mut Tx<'_>,
    state: &mut SagaState,
    transition: &Transition,
) -> Result<(), CallFailure> {
    store::lifecycle::close(tx, state.order.id, transition.at).await?;
    apply_transition(&mut state.order, transition);
    Ok(())
}

fn apply_transition(order: &mut Order, transition: &Transition) {
    order.open_steps.clone_from(&transition.open_steps);
    order.updated_at = transition.at;
}
