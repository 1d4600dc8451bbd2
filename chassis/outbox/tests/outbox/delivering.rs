//! Every event takes effect once, in order per key, whatever becomes of the processes that handle it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use offshoot_contract::CallFailure;
use offshoot_outbox::{Ask, EventPage, EventSource, Head, LocalSource, MAX_PAYLOAD_BYTES, Publish};
use offshoot_testkit::{Fresh, on_both_engines};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use tokio::time::sleep;

use crate::rig::{Process, Rig, announce, counted, cx, eventually, failed, listening, of, status};

on_both_engines! {
    what_was_announced_is_heard_in_order,
    what_was_rolled_back_is_not,
    what_came_before_the_subscription_is_heard_too,
    workers_that_are_killed_again_and_again_lose_and_double_nothing,
    one_module_does_not_announce_for_another,
    an_event_has_a_largest_size,
    a_replay_begins_where_it_is_told,
    what_comes_again_and_in_another_order_is_heard_once_and_in_order,
}

async fn what_was_announced_is_heard_in_order(place: Fresh) {
    let rig = Rig::on(place).await;
    let _process = rig.start(4);
    for count in 1..=20 {
        announce(&rig.depot, &[counted("a", count), counted("b", -count)]).await;
    }
    let heard = rig.hears(40).await;
    assert_eq!(of(&heard, "a"), (1..=20).collect::<Vec<_>>());
    assert_eq!(of(&heard, "b"), (1..=20).map(|count| -count).collect::<Vec<_>>());
    eventually(async || {
        status(&rig.ledger)
            .await
            .iter()
            .all(|partition| partition.current_at.is_some())
    })
    .await;
}

async fn what_was_rolled_back_is_not(place: Fresh) {
    let rig = Rig::on(place).await;
    let _process = rig.start(1);
    {
        let mut cx = cx();
        let mut tx = rig.depot.begin(&mut cx).await.unwrap();
        tx.publish(&counted("a", 1)).await.unwrap();
    }
    announce(&rig.depot, &[counted("a", 2)]).await;
    assert_eq!(of(&rig.hears(1).await, "a"), [2]);
}

async fn what_came_before_the_subscription_is_heard_too(place: Fresh) {
    let rig = Rig::on(place).await;
    let many: Vec<_> = (0..1_500)
        .map(|count| counted(&format!("shelf-{}", count % 7), count))
        .collect();
    announce(&rig.depot, &many).await;
    let _process = rig.start(2);
    let heard = rig.hears(1_500).await;
    for key in 0..7 {
        let counts = of(&heard, &format!("shelf-{key}"));
        assert!(counts.is_sorted(), "{counts:?}");
    }
}

async fn workers_that_are_killed_again_and_again_lose_and_double_nothing(place: Fresh) {
    let seed: u64 = rand::random();
    println!("kills at moments drawn with seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let rig = Rig::on(place).await;
    let depot = rig.depot.clone();
    let announcing = tokio::spawn(async move {
        for count in 0..150 {
            announce(&depot, &[counted("a", count), counted("b", count), counted("c", count)]).await;
            sleep(Duration::from_millis(10)).await;
        }
    });
    for _ in 0..12 {
        let process = rig.start(4);
        sleep(Duration::from_millis(random.random_range(30..300))).await;
        process.kill();
    }
    announcing.await.unwrap();
    let _last = rig.start(4);
    let heard = rig.hears(450).await;
    for key in ["a", "b", "c"] {
        assert_eq!(of(&heard, key), (0..150).collect::<Vec<_>>(), "{key}");
    }
}

async fn one_module_does_not_announce_for_another(place: Fresh) {
    let rig = Rig::on(place).await;
    let mut cx = cx();
    let mut tx = rig.ledger.begin(&mut cx).await.unwrap();
    let refused = failed(tx.publish(&counted("a", 1)).await);
    assert!(
        refused.contains("ledger announces `counted`, which is an event of depot"),
        "{refused}"
    );
}

async fn an_event_has_a_largest_size(place: Fresh) {
    let rig = Rig::on(place).await;
    let mut cx = cx();
    let mut tx = rig.depot.begin(&mut cx).await.unwrap();
    let refused = failed(tx.publish(&counted(&"x".repeat(MAX_PAYLOAD_BYTES), 1)).await);
    assert!(refused.contains("at most 524288 are announced"), "{refused}");
}

async fn a_replay_begins_where_it_is_told(place: Fresh) {
    let rig = Rig::on(place).await;
    let _process = Process::start(
        &rig.ledger,
        LocalSource::new(rig.depot.clone()),
        listening(&Arc::clone(&rig.listener), 1),
    );
    announce(&rig.depot, &[counted("a", 1), counted("a", 2), counted("a", 3)]).await;
    rig.hears(3).await;
    offshoot_outbox::replay(&rig.ledger, &mut cx(), "listener", 2)
        .await
        .unwrap();
    assert_eq!(of(&rig.hears(5).await, "a"), [1, 2, 3, 2, 3]);
    let unknown = offshoot_outbox::replay(&rig.ledger, &mut cx(), "nobody", 1)
        .await
        .unwrap_err();
    assert!(
        unknown.to_string().contains("ledger has no subscription `nobody`"),
        "{unknown}"
    );
}

/// A log that answers what was handled before as well, and all of it backwards.
struct Backwards(Arc<LocalSource>);

#[async_trait]
impl EventSource for Backwards {
    fn module(&self) -> &'static str {
        self.0.module()
    }

    async fn head(&self, beyond: i64) -> Result<Head, CallFailure> {
        self.0.head(beyond).await
    }

    async fn read(&self, ask: &Ask) -> Result<EventPage, CallFailure> {
        let after = (ask.after - 5).max(0);
        let mut page = self.0.read(&Ask { after, ..ask.clone() }).await?;
        page.events.reverse();
        Ok(page)
    }
}

async fn what_comes_again_and_in_another_order_is_heard_once_and_in_order(place: Fresh) {
    let rig = Rig::on(place).await;
    let source = Arc::new(Backwards(LocalSource::new(rig.depot.clone())));
    let _process = Process::start(&rig.ledger, source, listening(&rig.listener, 2));
    for count in 0..20 {
        announce(&rig.depot, &[counted("a", count), counted("b", count)]).await;
    }
    let heard = rig.hears(40).await;
    for key in ["a", "b"] {
        assert_eq!(of(&heard, key), (0..20).collect::<Vec<_>>(), "{key}");
    }
}
