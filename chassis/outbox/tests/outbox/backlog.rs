//! A log that grew while nobody read it: what has no position yet counts as much as what has one.

use offshoot_db::{Engine, sql};
use offshoot_outbox::{Ask, COUNTED, EventSource as _, LocalSource};
use offshoot_testkit::{Fresh, on_both_engines};

use crate::rig::{Rig, announce, counted, cx, eventually, status};

on_both_engines! {
    only_the_end_of_the_log_is_called_so,
    a_copy_is_not_current_before_it_has_everything,
}

/// More than are given positions at once.
const MANY: i64 = 5_000;

async fn announce_many(rig: &Rig, many: i64) {
    for first in (0..many).step_by(1_000) {
        let events: Vec<_> = (first..first + 1_000).map(|count| counted("a", count)).collect();
        announce(&rig.depot, &events).await;
    }
}

async fn unnumbered(rig: &Rig) -> i64 {
    offshoot_outbox::outbox_status(&rig.depot, &mut cx())
        .await
        .unwrap()
        .unnumbered
}

async fn only_the_end_of_the_log_is_called_so(place: Fresh) {
    let rig = Rig::on(place).await;
    announce_many(&rig, MANY).await;
    let waiting = if rig.depot.engine() == Engine::Postgres {
        MANY
    } else {
        0
    };
    assert_eq!(unnumbered(&rig).await, waiting);
    let bucket = sql!("SELECT bucket FROM offshoot_events ORDER BY key LIMIT 1");
    let (busy,): (i32,) = rig
        .depot
        .read(&mut cx())
        .await
        .unwrap()
        .fetch_one(bucket, ())
        .await
        .unwrap();
    let source = LocalSource::new(rig.depot.clone());
    let ask = |partition: i32, after: i64| Ask {
        reader: "ledger/test".to_owned(),
        after,
        partition,
        of: 64,
        limit: 500,
    };
    // A partition without events, read first: nothing of it is there, and nobody could say so before all have a position.
    let (empty, mut after) = ((busy + 1) % 64, 0);
    loop {
        let page = source.read(&ask(empty, after)).await.unwrap();
        assert_eq!(page.events, []);
        after = page.through;
        if page.complete_at.is_some() {
            break;
        }
    }
    assert_eq!((after, unnumbered(&rig).await), (MANY, 0));
    let (mut read, mut after) = (0, 0);
    loop {
        let page = source.read(&ask(busy, after)).await.unwrap();
        (read, after) = (read + page.events.len(), page.through);
        if page.complete_at.is_some() {
            break;
        }
        assert!(after < MANY || page.events.len() == 500, "{after}");
    }
    assert_eq!((i64::try_from(read).unwrap(), after), (MANY, MANY));
}

async fn a_copy_is_not_current_before_it_has_everything(place: Fresh) {
    let rig = Rig::on(place).await;
    announce_many(&rig, COUNTED + 1_000).await;
    if rig.depot.engine() == Engine::Postgres {
        // Counted as far as it is quickly done.
        assert_eq!(unnumbered(&rig).await, COUNTED);
    }
    let announced = rig.depot.now();
    let _process = rig.start(4);
    let all_current = async || {
        let partitions = status(&rig.ledger).await;
        let current = |at: Option<offshoot_contract::Timestamp>| at.is_some_and(|at| at >= announced);
        partitions.len() == 4 && partitions.iter().all(|partition| current(partition.current_at))
    };
    eventually(all_current).await;
    assert_eq!(i64::try_from(rig.heard().await.len()).unwrap(), COUNTED + 1_000);
}
