//! Goods that come back, some at a time.

use std::sync::Arc;
use std::time::Duration;

use offshoot_contract::Clock;
use orders_api::OrderId;
use orders_api::v1::{Order, OrderStatus, OrdersError, Return, ReturnedLine};
use tokio::task::JoinHandle;

use crate::T;
use crate::books;
use crate::faults::{Fault, Gate};
use crate::sales::{an_invoice, record};
use crate::shop::{A_MOMENT, LEASE, bought, failure, line, of_cart, pounds, read};
use crate::stub_payments::DECLINED;

/// One call under a key.
fn returning(
    t: &T,
    key: &str,
    timeout: Duration,
    id: OrderId,
    lines: Vec<ReturnedLine>,
) -> JoinHandle<Result<Order, OrdersError>> {
    let (api, mut cx) = (Arc::clone(&t.once), t.cx().with_timeout(timeout).with_key(key));
    tokio::spawn(async move { api.return_goods(&mut cx, id, lines).await })
}

const LONG: Duration = Duration::from_secs(20);

pub(crate) async fn some_of_it_gives_back_what_was_paid(t: T) {
    let order = bought(&t, &[5, 3]).await;
    let mut expected = order.clone();
    for (number, lines, refund) in [
        (1, vec![line(2, 1), line(1, 2)], "7.65"),
        (2, vec![line(1, 3)], "7.65"),
        (3, vec![line(2, 2)], "5.10"),
    ] {
        t.clock.advance(Duration::from_secs(1));
        let back = t.api.return_goods(&mut t.cx(), order.id, lines.clone()).await.unwrap();
        for line in &lines {
            let place = usize::try_from(line.line).unwrap() - 1;
            expected.lines[place].returned += i64::from(line.quantity);
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
        assert_eq!(back, expected);
        assert_eq!(read(&t, order.id).await, expected);
        books::agree(&t).await;
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

pub(crate) async fn more_than_is_left_is_refused(t: T) {
    let order = bought(&t, &[5, 3]).await;
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
    books::agree(&t).await;
}

pub(crate) async fn has_to_name_lines_once(t: T) {
    let order = bought(&t, &[5, 3]).await;
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

pub(crate) async fn needs_a_confirmed_order_of_this_shop(t: T) {
    let back = vec![line(1, 1)];
    let id = OrderId::new(t.clock.now());
    let unknown = t.api.return_goods(&mut t.cx(), id, back.clone()).await;
    assert_eq!(unknown, Err(OrdersError::UnknownOrder { id }));
    let cart = t.world.cart(&[(t.world.sells(10), 2)]);
    crate::shop::checkout(&t, cart, DECLINED).await.unwrap_err();
    let cancelled = bought(&t, &[1]).await.id;
    t.api.cancel(&mut t.cx(), cancelled).await.unwrap();
    for (id, is) in [
        (of_cart(&t, cart).await.id, OrderStatus::Failed),
        (cancelled, OrderStatus::Cancelled),
    ] {
        let refused = t.api.return_goods(&mut t.cx(), id, back.clone()).await;
        assert_eq!(refused, Err(OrdersError::NotConfirmed { id, is }));
    }
    let id = record(&t, an_invoice("536365")).await;
    let number = "536365".to_owned();
    let elsewhere = t.api.return_goods(&mut t.cx(), id, back).await;
    assert_eq!(elsewhere, Err(OrdersError::SoldElsewhere { id, number }));
}

pub(crate) async fn under_a_key_happens_once(t: T) {
    let order = bought(&t, &[5]).await;
    let first = returning(&t, "one", LONG, order.id, vec![line(1, 2)]).await.unwrap();
    let back = first.unwrap();
    assert_eq!(
        returning(&t, "one", LONG, order.id, vec![line(1, 2)]).await.unwrap(),
        Ok(back)
    );
    let other = failure(returning(&t, "one", LONG, order.id, vec![line(1, 1)]).await.unwrap());
    assert_eq!(other.status_and_code(), (422, "idempotency-key-reused"));
    // For ever, although answers are kept for a day.
    t.clock.advance(Duration::from_secs(3 * 24 * 60 * 60));
    let again = returning(&t, "one", LONG, order.id, vec![line(1, 2)])
        .await
        .unwrap()
        .unwrap();
    assert_eq!(again.lines[0].returned, 2);
    t.clock.advance(Duration::from_secs(3 * 24 * 60 * 60));
    let other = failure(returning(&t, "one", LONG, order.id, vec![line(1, 1)]).await.unwrap());
    assert_eq!(other.status_and_code(), (422, "idempotency-key-reused"));
    books::agree(&t).await;
}

pub(crate) async fn a_repeat_goes_on_where_the_first_call_was_broken_off(t: T) {
    for method in ["refund", "record_many"] {
        let order = bought(&t, &[5]).await;
        t.world.next(method, Fault::Hangs);
        let first = returning(&t, method, A_MOMENT, order.id, vec![line(1, 2)]);
        assert!(failure(first.await.unwrap()).may_have_executed());
        let decided = read(&t, order.id).await;
        assert_eq!(decided.open_steps, ["refund-1", "restock-1"]);
        // Nobody has it until the lease has run out.
        let waiting = returning(&t, method, Duration::from_millis(1_100), order.id, vec![line(1, 2)]);
        assert_eq!(waiting.await.unwrap(), Ok(decided.clone()));
        t.clock.advance(LEASE);
        let back = returning(&t, method, LONG, order.id, vec![line(1, 2)])
            .await
            .unwrap()
            .unwrap();
        assert_eq!((back.lines[0].returned, back.open_steps.len()), (2, 0));
        assert_eq!(read(&t, order.id).await, back);
        books::agree(&t).await;
    }
    // The same for one that the sweeper has finished.
    let order = bought(&t, &[5]).await;
    t.world.next("refund", Fault::Hangs);
    let first = returning(&t, "swept", A_MOMENT, order.id, vec![line(1, 2)]);
    failure(first.await.unwrap());
    t.clock.advance(LEASE);
    assert_eq!(t.world.sweep().await, 1);
    let back = returning(&t, "swept", LONG, order.id, vec![line(1, 2)])
        .await
        .unwrap()
        .unwrap();
    assert_eq!(read(&t, order.id).await, back);
    books::agree(&t).await;
}

pub(crate) async fn a_repeat_waits_for_the_first_call(t: T) {
    for method in ["refund", "record_many"] {
        let order = bought(&t, &[5]).await;
        let gate = Gate::closed();
        t.world.next(method, Fault::ArrivesLate(Arc::clone(&gate)));
        let first = returning(&t, method, LONG, order.id, vec![line(1, 2)]);
        gate.is_reached().await;
        let second = returning(&t, method, LONG, order.id, vec![line(1, 2)]);
        tokio::time::sleep(Duration::from_millis(120)).await;
        assert!(!second.is_finished());
        gate.open();
        let back = first.await.unwrap().unwrap();
        assert_eq!(second.await.unwrap(), Ok(back), "{method}");
        books::agree(&t).await;
    }
}

pub(crate) async fn twice_at_once_is_one_after_the_other(t: T) {
    let order = bought(&t, &[5]).await;
    let tasks: Vec<_> = (0..6)
        .map(|number| returning(&t, &format!("key-{number}"), LONG, order.id, vec![line(1, 2)]))
        .collect();
    let mut taken = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(_) => taken += 1,
            Err(OrdersError::OrderBusy { id }) => assert_eq!(id, order.id),
            // Of five, two can come back twice.
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
    books::agree(&t).await;
}
