//! Several processes share the partitions of a subscription, and no two handle one.

use std::sync::Arc;
use std::time::Duration;

use offshoot_outbox::LocalSource;
use offshoot_testkit::{Fresh, on_both_engines};
use tokio::time::sleep;

use crate::rig::{DEPOT, LEDGER, Process, Rig, announce, counted, eventually, listening, of, status};

on_both_engines! {
    two_processes_share_the_partitions,
    two_processes_announce_into_one_log,
}

async fn two_processes_share_the_partitions(place: Fresh) {
    let rig = Rig::on(place).await;
    let second = (rig.place.open(&DEPOT).await, rig.place.open(&LEDGER).await);
    let first = rig.start(4);
    let source = LocalSource::new(second.0.clone());
    let _second = Process::start(&second.1, source, listening(&Arc::clone(&rig.listener), 4));
    eventually(async || status(&rig.ledger).await.len() == 4).await;
    for count in 0..60 {
        for key in ["a", "b", "c", "d", "e", "f"] {
            announce(&rig.depot, &[counted(key, count)]).await;
        }
        if count == 30 {
            // Its share is taken over.
            sleep(Duration::from_millis(100)).await;
        }
    }
    first.kill();
    announce(&rig.depot, &[counted("a", 60)]).await;
    let heard = rig.hears(361).await;
    for key in ["b", "c", "d", "e", "f"] {
        assert_eq!(of(&heard, key), (0..60).collect::<Vec<_>>(), "{key}");
    }
    assert_eq!(of(&heard, "a"), (0..=60).collect::<Vec<_>>());
}

async fn two_processes_announce_into_one_log(place: Fresh) {
    let rig = Rig::on(place).await;
    let other = rig.place.open(&DEPOT).await;
    let _process = rig.start(4);
    let announcing = |db: offshoot_db::Db, key: &'static str| {
        tokio::spawn(async move {
            for count in 0..100 {
                announce(&db, &[counted(key, count)]).await;
            }
        })
    };
    let both = [announcing(rig.depot.clone(), "a"), announcing(other, "b")];
    for one in both {
        one.await.unwrap();
    }
    let heard = rig.hears(200).await;
    assert_eq!(of(&heard, "a"), (0..100).collect::<Vec<_>>());
    assert_eq!(of(&heard, "b"), (0..100).collect::<Vec<_>>());
}
