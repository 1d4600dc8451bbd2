//! Returns of some units of an order.

use std::sync::Arc;
use std::time::Duration;

use offshoot_contract::Clock;
use orders_api::OrderId;
use orders_api::v1::{Order, OrderStatus, OrdersError, Return, ReturnedLine};
use tokio::task::JoinHandle;

use crate::T;
use crate::fixture::{LEASE, SHORT_TIMEOUT, confirmed_order, expect_failure, line, order_of_cart, pounds, read};
use crate::invariants;
use crate::sales::{an_invoice, record};
use crate::stub_payments::DECLINED;
use offshoot_testkit::{Fault, Gate};

/// Returns units under a key, in a task of its own, without a repeated call.
fn spawn_return(
    t: &T,
    key: &str,
    timeout: Duration,
    id: OrderId,
    lines: Vec<ReturnedLine>,
) -> JoinHandle<Result<Order, OrdersError>> {
    let (api, mut cx) = (Arc::clone(&t.once), t.cx().with_timeout(timeout).with_next_key(key));
    tokio::spawn(async move { api.return_goods(&mut cx, id, lines).await })
}

const LONG_TIMEOUT: Duration = Duration::from_secs(20);

pub(crate) async fn partial_returns_refund_the_price_paid(t: T) {
    let order = confirmed_order(&t, &[5, 3]).await;
    let mut expected = order.clone();
    for (number, lines, refund) in [
        (1, vec![line(2, 1), line(1, 2)], "7.65"),
        (2, vec![line(1, 3)], "7.65"),
        (3, vec![line(2, 2)], "5.10"),
    ] {
        t.clock.advance(Duration::from_secs(1));
        let returned = t.api.return_goods(&mut t.cx(), order.id, lines.clone()).await.unwrap();
        for line in &lines {
            let index = usize::try_from(line.line).unwrap() - 1;
            expected.lines[index].returned += i64::from(line.quantity);
        }
        expected.refunded = expected.refunded.checked_add(pounds(refund)).unwrap();
        expected.updated_at = t.clock.now();
        expected.returns.push(Return {
            number,
            lines,
            refund: pounds(refund),
            cancellation: false,
            at: t.clock.now(),
        });
        assert_eq!(returned, expected);
        assert_eq!(read(&t, order.id).await, expected);
        invariants::assert_hold(&t).await;
    }
    assert_eq!(
        (expected.status, expected.refunded),
        (OrderStatus::Confirmed, order.total)
    );
}

async fn refused_field(t: &T, id: OrderId, lines: Vec<ReturnedLine>) -> String {
    match t.api.return_goods(&mut t.cx(), id, lines).await {
        Err(OrdersError::InvalidReturn { field, .. }) => field,
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn returning_more_than_is_left_is_refused(t: T) {
    let order = confirmed_order(&t, &[5, 3]).await;
    for lines in [vec![line(1, 6)], vec![line(1, 0)], vec![line(1, u32::MAX)]] {
        assert_eq!(refused_field(&t, order.id, lines).await, "lines[0].quantity");
    }
    t.api
        .return_goods(&mut t.cx(), order.id, vec![line(1, 4)])
        .await
        .unwrap();
    assert_eq!(
        refused_field(&t, order.id, vec![line(2, 1), line(1, 2)]).await,
        "lines[1].quantity"
    );
    t.api
        .return_goods(&mut t.cx(), order.id, vec![line(1, 1)])
        .await
        .unwrap();
    assert_eq!(refused_field(&t, order.id, vec![line(1, 1)]).await, "lines[0].quantity");
    invariants::assert_hold(&t).await;
}

pub(crate) async fn a_return_names_each_line_once(t: T) {
    let order = confirmed_order(&t, &[5, 3]).await;
    assert_eq!(refused_field(&t, order.id, Vec::new()).await, "lines");
    assert_eq!(
        refused_field(&t, order.id, vec![line(1, 1), line(1, 1)]).await,
        "lines[1].line"
    );
    for number in [0, 3, u32::MAX] {
        assert_eq!(
            refused_field(&t, order.id, vec![line(number, 1)]).await,
            "lines[0].line"
        );
    }
    assert_eq!(read(&t, order.id).await, order);
}

pub(crate) async fn only_confirmed_orders_of_this_store_can_be_returned(t: T) {
    let lines = vec![line(1, 1)];
    let id = OrderId::new(t.clock.now());
    let unknown = t.api.return_goods(&mut t.cx(), id, lines.clone()).await;
    assert_eq!(unknown, Err(OrdersError::UnknownOrder { id }));
    let cart = t.fakes.add_cart(&[(t.fakes.add_product(10), 2)]);
    crate::fixture::checkout(&t, cart, DECLINED).await.unwrap_err();
    let cancelled = confirmed_order(&t, &[1]).await.id;
    t.api.cancel(&mut t.cx(), cancelled).await.unwrap();
    for (id, is) in [
        (order_of_cart(&t, cart).await.id, OrderStatus::Failed),
        (cancelled, OrderStatus::Cancelled),
    ] {
        let refused = t.api.return_goods(&mut t.cx(), id, lines.clone()).await;
        assert_eq!(refused, Err(OrdersError::NotConfirmed { id, is }));
    }
    let id = record(&t, an_invoice("536365")).await;
    let number = "536365".to_owned();
    let sold_elsewhere = t.api.return_goods(&mut t.cx(), id, lines).await;
    assert_eq!(sold_elsewhere, Err(OrdersError::SoldElsewhere { id, number }));
}

pub(crate) async fn a_return_under_one_key_happens_once(t: T) {
    let order = confirmed_order(&t, &[5]).await;
    let first = spawn_return(&t, "one", LONG_TIMEOUT, order.id, vec![line(1, 2)])
        .await
        .unwrap();
    let returned = first.unwrap();
    assert_eq!(
        spawn_return(&t, "one", LONG_TIMEOUT, order.id, vec![line(1, 2)])
            .await
            .unwrap(),
        Ok(returned)
    );
    let other = expect_failure(
        spawn_return(&t, "one", LONG_TIMEOUT, order.id, vec![line(1, 1)])
            .await
            .unwrap(),
    );
    assert_eq!(other.status_and_code(), (422, "idempotency-key-reused"));
    // The key is known for ever, although responses are recorded for a day.
    t.clock.advance(Duration::from_secs(3 * 24 * 60 * 60));
    let repeated = spawn_return(&t, "one", LONG_TIMEOUT, order.id, vec![line(1, 2)])
        .await
        .unwrap()
        .unwrap();
    assert_eq!(repeated.lines[0].returned, 2);
    t.clock.advance(Duration::from_secs(3 * 24 * 60 * 60));
    let other = expect_failure(
        spawn_return(&t, "one", LONG_TIMEOUT, order.id, vec![line(1, 1)])
            .await
            .unwrap(),
    );
    assert_eq!(other.status_and_code(), (422, "idempotency-key-reused"));
    invariants::assert_hold(&t).await;
}

pub(crate) async fn a_repeated_call_resumes_an_interrupted_return(t: T) {
    for method in ["refund", "record_many"] {
        let order = confirmed_order(&t, &[5]).await;
        t.fakes.inject(method, Fault::Hangs);
        let first = spawn_return(&t, method, SHORT_TIMEOUT, order.id, vec![line(1, 2)]);
        assert!(expect_failure(first.await.unwrap()).may_have_executed());
        let decided = read(&t, order.id).await;
        assert_eq!(decided.open_steps, ["refund-1", "restock-1"]);
        // No call can take the saga over until the lease has expired.
        let waiting = spawn_return(&t, method, Duration::from_millis(1_100), order.id, vec![line(1, 2)]);
        assert_eq!(waiting.await.unwrap(), Ok(decided.clone()));
        t.clock.advance(LEASE);
        let returned = spawn_return(&t, method, LONG_TIMEOUT, order.id, vec![line(1, 2)])
            .await
            .unwrap()
            .unwrap();
        assert_eq!((returned.lines[0].returned, returned.open_steps.len()), (2, 0));
        assert_eq!(read(&t, order.id).await, returned);
        invariants::assert_hold(&t).await;
    }
    // The same for a return that a resumed execution has completed.
    let order = confirmed_order(&t, &[5]).await;
    t.fakes.inject("refund", Fault::Hangs);
    let first = spawn_return(&t, "resumed", SHORT_TIMEOUT, order.id, vec![line(1, 2)]);
    expect_failure(first.await.unwrap());
    t.clock.advance(LEASE);
    assert_eq!(t.fakes.resume().await, 1);
    let returned = spawn_return(&t, "resumed", LONG_TIMEOUT, order.id, vec![line(1, 2)])
        .await
        .unwrap()
        .unwrap();
    assert_eq!(read(&t, order.id).await, returned);
    invariants::assert_hold(&t).await;
}

pub(crate) async fn a_repeated_call_waits_for_the_first_call(t: T) {
    for method in ["refund", "record_many"] {
        let order = confirmed_order(&t, &[5]).await;
        let gate = Gate::closed();
        t.fakes.inject(method, Fault::CallDelayed(Arc::clone(&gate)));
        let first = spawn_return(&t, method, LONG_TIMEOUT, order.id, vec![line(1, 2)]);
        gate.wait_until_reached().await;
        let second = spawn_return(&t, method, LONG_TIMEOUT, order.id, vec![line(1, 2)]);
        tokio::time::sleep(Duration::from_millis(120)).await;
        assert!(!second.is_finished());
        gate.open();
        let returned = first.await.unwrap().unwrap();
        assert_eq!(second.await.unwrap(), Ok(returned), "{method}");
        invariants::assert_hold(&t).await;
    }
}

pub(crate) async fn concurrent_returns_are_serialized(t: T) {
    let order = confirmed_order(&t, &[5]).await;
    let tasks: Vec<_> = (0..6)
        .map(|number| spawn_return(&t, &format!("key-{number}"), LONG_TIMEOUT, order.id, vec![line(1, 2)]))
        .collect();
    let mut taken = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(_) => taken += 1,
            Err(OrdersError::OrderBusy { id }) => assert_eq!(id, order.id),
            // Two units can be returned twice of five.
            Err(OrdersError::InvalidReturn { field, .. }) => assert_eq!(field, "lines[0].quantity"),
            Err(other) => panic!("{other:?}"),
        }
    }
    let after = read(&t, order.id).await;
    assert!((1..=2).contains(&taken), "{taken}");
    assert_eq!(
        (after.lines[0].returned, after.returns.len()),
        (2 * i64::try_from(taken).unwrap(), taken)
    );
    invariants::assert_hold(&t).await;
}
