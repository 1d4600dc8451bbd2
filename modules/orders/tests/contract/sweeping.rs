//! Orders that were broken off are taken up again.

use std::time::Duration;

use offshoot_contract::Clock;
use orders_api::v1::OrderStatus;

use crate::T;
use crate::books;
use crate::faults::Fault;
use crate::shop::{LEASE, bought, broken_off_at, checkout, line, read};
use crate::stub_payments::GOOD;

const MICROSECOND: Duration = Duration::from_micros(1);

pub(crate) async fn takes_over_when_the_lease_has_run_out(t: T) {
    for method in ["reserve", "commit"] {
        let cart = t.world.cart(&[(t.world.sells(10), 1)]);
        let broken = broken_off_at(&t, method, cart, method).await;
        t.clock.advance(LEASE - MICROSECOND);
        assert_eq!(t.world.sweep().await, 0);
        assert_eq!(read(&t, broken.id).await, broken);
        t.clock.advance(MICROSECOND);
        assert_eq!(t.world.sweep().await, 1);
        let ended = read(&t, broken.id).await;
        assert_eq!(ended.updated_at, t.clock.now());
        assert_eq!(ended.placed_at, broken.placed_at);
        books::agree(&t).await;
    }
}

pub(crate) async fn twice_at_once_does_it_once(t: T) {
    for method in ["reserve", "authorize", "commit", "capture"] {
        t.world.next(method, Fault::AnswerLost);
        let cart = t.world.cart(&[(t.world.sells(10), 1)]);
        checkout(&t, cart, GOOD).await.unwrap();
        let sweeps = tokio::join!(t.world.sweep(), t.world.sweep(), t.world.sweep());
        assert_eq!(sweeps.0 + sweeps.1 + sweeps.2, 1, "{method}");
        books::agree(&t).await;
    }
}

pub(crate) async fn leaves_what_is_closed_alone(t: T) {
    let [kept, cancelled] = [bought(&t, &[1]).await, bought(&t, &[1]).await];
    t.api.cancel(&mut t.cx(), cancelled.id).await.unwrap();
    let before = [read(&t, kept.id).await, read(&t, cancelled.id).await];
    t.clock.advance(100 * LEASE);
    assert_eq!(t.world.sweep().await, 0);
    assert_eq!([read(&t, kept.id).await, read(&t, cancelled.id).await], before);
    books::agree(&t).await;
}

pub(crate) async fn waits_longer_each_time(t: T) {
    t.world.next("authorize", Fault::NotDone);
    let cart = t.world.cart(&[(t.world.sells(10), 1)]);
    let order = checkout(&t, cart, GOOD).await.unwrap();
    t.world.payments.faults.away(true);
    let mut asked = 0;
    for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
        assert_eq!(t.world.sweep().await, 0);
        asked += 1;
        assert_eq!(t.world.payments.faults.calls("settle"), asked);
        t.clock.advance(Duration::from_secs(seconds) - MICROSECOND);
        assert_eq!(t.world.sweep().await, 0);
        assert_eq!(t.world.payments.faults.calls("settle"), asked, "within {seconds} s");
        t.clock.advance(MICROSECOND);
    }
    t.world.payments.faults.away(false);
    assert_eq!(t.world.sweep().await, 1);
    assert_eq!(read(&t, order.id).await.status, OrderStatus::Failed);
    books::agree(&t).await;
}

pub(crate) async fn one_that_cannot_be_finished_keeps_nobody_else(t: T) {
    let mut orders = Vec::new();
    for _ in 0..3 {
        t.world.next("capture", Fault::NotDone);
        let cart = t.world.cart(&[(t.world.sells(10), 1)]);
        orders.push(checkout(&t, cart, GOOD).await.unwrap());
        t.clock.advance(MICROSECOND);
    }
    let lost = t.world.payments.loses(orders[0].id);
    assert_eq!(t.world.sweep().await, 2);
    let mut open = Vec::new();
    for order in &orders {
        open.push(read(&t, order.id).await.open_steps.len());
    }
    assert_eq!(open, [2, 0, 0]);
    t.world.payments.finds(lost);
    t.clock.advance(LEASE);
    assert_eq!(t.world.sweep().await, 1);
    books::agree(&t).await;
}

pub(crate) async fn cannot_hurt_a_return(t: T) {
    let order = bought(&t, &[5]).await;
    for _ in 0..3 {
        let back = vec![line(1, 1)];
        let mut cx = t.cx();
        let (returning, swept) = tokio::join!(t.api.return_goods(&mut cx, order.id, back), t.world.sweep());
        returning.unwrap();
        assert_eq!(swept, 0);
    }
    assert_eq!(read(&t, order.id).await.lines[0].returned, 3);
    books::agree(&t).await;
}
