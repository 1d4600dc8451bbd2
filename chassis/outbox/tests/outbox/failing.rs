//! Events that cannot be handled: tried again, given up, and in nobody's way but that of their own key.

use std::sync::atomic::Ordering;

use offshoot_contract::Timestamp;
use offshoot_outbox::{DeadLetter, LocalSource};
use offshoot_testkit::{Fresh, on_both_engines};

use crate::shop::{Shop, announce, counted, cx, eventually, of, status};

on_both_engines! {
    only_its_own_key_waits_for_one_that_fails,
    one_that_is_given_up_waits_for_an_operator,
    one_that_is_skipped_lets_the_others_go,
    a_panic_is_a_refusal,
    a_version_that_is_not_known_is_set_aside,
    a_payload_that_is_damaged_is_set_aside,
    an_event_that_nobody_waits_for_is_passed_over,
    what_is_set_aside_outlives_the_worker,
}

async fn letters(shop: &Shop) -> Vec<DeadLetter> {
    offshoot_outbox::dead_letters(&shop.ledger, &mut cx(), None, 100)
        .await
        .unwrap()
}

async fn dead(shop: &Shop) -> bool {
    letters(shop).await.iter().any(|letter| letter.state == "dead")
}

async fn only_its_own_key_waits_for_one_that_fails(place: Fresh) {
    let shop = Shop::on(place).await;
    shop.listener.refuse("a");
    let _process = shop.start(1);
    announce(
        &shop.depot,
        &[counted("a", 1), counted("b", 1), counted("a", 2), counted("b", 2)],
    )
    .await;
    assert_eq!(of(&shop.hears(2).await, "b"), [1, 2]);
    shop.listener.accept("a");
    offshoot_outbox::retry(&shop.ledger, &mut cx(), "listener", None)
        .await
        .unwrap();
    announce(&shop.depot, &[counted("a", 3)]).await;
    assert_eq!(of(&shop.hears(5).await, "a"), [1, 2, 3]);
    assert_eq!(letters(&shop).await, []);
}

async fn one_that_is_given_up_waits_for_an_operator(place: Fresh) {
    let shop = Shop::on(place).await;
    shop.listener.refuse("a");
    let _process = shop.start(1);
    announce(&shop.depot, &[counted("a", 1), counted("a", 2)]).await;
    eventually(async || dead(&shop).await).await;
    let letters = letters(&shop).await;
    let [first, second] = &letters[..] else {
        panic!("{letters:?}")
    };
    assert_eq!(
        (first.state, first.attempts, first.due_at),
        ("dead", 3, None::<Timestamp>)
    );
    assert_eq!(first.reason, "a is not wanted");
    assert_eq!(first.payload, r#"{"shelf":"a","count":1}"#);
    assert_eq!((second.state, second.attempts), ("waiting", 0));
    let partition = &status(&shop.ledger).await[0];
    assert_eq!((partition.dead, partition.parked), (1, 1));
    // Nothing happens by itself, and a retry that is in vain is counted from the beginning.
    offshoot_outbox::retry(&shop.ledger, &mut cx(), "listener", Some(first.position))
        .await
        .unwrap();
    eventually(async || dead(&shop).await).await;
    shop.listener.accept("a");
    offshoot_outbox::retry(&shop.ledger, &mut cx(), "listener", Some(first.position))
        .await
        .unwrap();
    assert_eq!(of(&shop.hears(2).await, "a"), [1, 2]);
    let none = offshoot_outbox::retry(&shop.ledger, &mut cx(), "listener", Some(77))
        .await
        .unwrap_err();
    assert!(none.to_string().contains("no event set aside at 77"), "{none}");
}

async fn one_that_is_skipped_lets_the_others_go(place: Fresh) {
    let shop = Shop::on(place).await;
    shop.listener.refuse("a");
    let _process = shop.start(1);
    announce(&shop.depot, &[counted("a", 1), counted("a", 2)]).await;
    eventually(async || dead(&shop).await).await;
    let position = letters(&shop).await[0].position;
    shop.listener.accept("a");
    offshoot_outbox::skip(&shop.ledger, &mut cx(), "listener", position)
        .await
        .unwrap();
    assert_eq!(of(&shop.hears(1).await, "a"), [2]);
    announce(&shop.depot, &[counted("a", 3)]).await;
    assert_eq!(of(&shop.hears(2).await, "a"), [2, 3]);
}

async fn a_panic_is_a_refusal(place: Fresh) {
    let shop = Shop::on(place).await;
    shop.listener.panics.store(true, Ordering::Relaxed);
    let _process = shop.start(1);
    announce(&shop.depot, &[counted("a", 1)]).await;
    eventually(async || dead(&shop).await).await;
    assert_eq!(letters(&shop).await[0].reason, "the subscriber panicked");
    shop.listener.panics.store(false, Ordering::Relaxed);
    offshoot_outbox::retry(&shop.ledger, &mut cx(), "listener", None)
        .await
        .unwrap();
    assert_eq!(of(&shop.hears(1).await, "a"), [1]);
}

/// An event that no binary here would write.
async fn plant(shop: &Shop, name: &str, version: i32, payload: &str) {
    let at = match shop.depot.engine() {
        offshoot_db::Engine::Sqlite => "0",
        offshoot_db::Engine::Postgres => "now()",
    };
    let lasting = match shop.depot.engine() {
        offshoot_db::Engine::Sqlite => "0",
        offshoot_db::Engine::Postgres => "false",
    };
    let sql = format!(
        "INSERT INTO offshoot_events (name, version, key, bucket, lasting, payload, at) \
         VALUES ('{name}', {version}, 'a', 0, {lasting}, '{payload}', {at})"
    );
    shop.place.administer("depot", &sql).await;
}

async fn a_version_that_is_not_known_is_set_aside(place: Fresh) {
    let shop = Shop::on(place).await;
    let _process = shop.start(1);
    plant(&shop, "counted", 7, "{}").await;
    eventually(async || dead(&shop).await).await;
    let reason = letters(&shop).await[0].reason.clone();
    assert_eq!(
        reason,
        "`counted` came in version 7, and this binary reads version 1: start one that reads both"
    );
}

async fn a_payload_that_is_damaged_is_set_aside(place: Fresh) {
    let shop = Shop::on(place).await;
    let _process = shop.start(1);
    plant(&shop, "counted", 1, r#"{"shelf":"a","count":"#).await;
    announce(&shop.depot, &[counted("b", 1)]).await;
    assert_eq!(of(&shop.hears(1).await, "b"), [1]);
    eventually(async || dead(&shop).await).await;
    let reason = letters(&shop).await[0].reason.clone();
    assert!(
        reason.starts_with("the payload of `counted` does not have the shape"),
        "{reason}"
    );
}

async fn an_event_that_nobody_waits_for_is_passed_over(place: Fresh) {
    let shop = Shop::on(place).await;
    let _process = shop.start(1);
    plant(&shop, "painted", 1, "{}").await;
    announce(&shop.depot, &[counted("a", 1)]).await;
    assert_eq!(of(&shop.hears(1).await, "a"), [1]);
    assert_eq!(letters(&shop).await, []);
}

async fn what_is_set_aside_outlives_the_worker(place: Fresh) {
    let shop = Shop::on(place).await;
    shop.listener.refuse("a");
    let process = shop.start(1);
    announce(&shop.depot, &[counted("a", 1)]).await;
    eventually(async || !letters(&shop).await.is_empty()).await;
    process.kill();
    announce(&shop.depot, &[counted("a", 2)]).await;
    shop.listener.accept("a");
    let _next = shop.start(1);
    offshoot_outbox::retry(&shop.ledger, &mut cx(), "listener", None)
        .await
        .unwrap();
    assert_eq!(of(&shop.hears(2).await, "a"), [1, 2]);
    // The log itself needed nobody.
    let log = offshoot_outbox::outbox_status(&shop.depot, &mut cx()).await.unwrap();
    assert_eq!((log.last, log.unnumbered), (2, 0));
    drop(LocalSource::new(shop.depot.clone()));
}
