//! A copy of another module's data: kept, asked for its age, emptied and made anew.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use offshoot_contract::CallFailure;
use offshoot_db::{Db, Tx, sql};
use offshoot_outbox::{Age, Delivered, LocalSource, Projection, Rejection, Subscription};
use offshoot_testkit::{Fresh, on_both_engines};
use tokio::time::sleep;

use crate::rig::{DepotEvent, Process, Rig, announce, counted, cx, eventually, quick};

on_both_engines! {
    a_copy_follows,
    a_copy_made_anew_is_the_same,
    what_keeps_no_copy_cannot_be_made_anew,
}

struct Counts;

#[async_trait]
impl Projection for Counts {
    type Event = DepotEvent;

    async fn apply(&self, tx: &mut Tx<'_>, events: &[Delivered<DepotEvent>]) -> Result<(), Rejection> {
        for event in events {
            let DepotEvent::Counted(what) = &event.event else {
                continue;
            };
            tx.execute(
                sql!(
                    "INSERT INTO counts (key, count) VALUES ($1, $2) \
                     ON CONFLICT (key) DO UPDATE SET count = excluded.count"
                ),
                (&what.shelf, what.count),
            )
            .await?;
        }
        Ok(())
    }

    async fn clear(&self, tx: &mut Tx<'_>) -> Result<(), CallFailure> {
        tx.execute(sql!("DELETE FROM counts"), ()).await.map(drop)
    }
}

fn copying(rig: &Rig) -> Process {
    let subscription = Subscription::copy("counts", Arc::new(Counts)).with(quick(8));
    Process::start(&rig.ledger, LocalSource::new(rig.depot.clone()), subscription)
}

async fn counts(db: &Db) -> Vec<(String, i64)> {
    let mut cx = cx();
    let mut read = db.read(&mut cx).await.unwrap();
    let all = sql!("SELECT key, count FROM counts ORDER BY key");
    read.fetch_all(all, ()).await.unwrap()
}

async fn age(db: &Db) -> Age {
    let mut cx = cx();
    let mut read = db.read(&mut cx).await.unwrap();
    offshoot_outbox::age(&mut read, "counts").await.unwrap()
}

async fn a_copy_follows(place: Fresh) {
    let rig = Rig::on(place).await;
    assert_eq!(age(&rig.ledger).await, Age::Filling);
    let _process = copying(&rig);
    announce(&rig.depot, &[counted("a", 1), counted("b", 2), counted("a", 3)]).await;
    let expected = [("a".to_owned(), 3), ("b".to_owned(), 2)];
    eventually(async || counts(&rig.ledger).await == expected).await;
    let Age::CurrentAt(at) = age(&rig.ledger).await else {
        panic!("it is up to date")
    };
    assert!(at <= rig.ledger.now());
    // A refusal by the schema is the event's own fault; other keys go on. What it lacks leaves the copy as old as that.
    let refused = rig.ledger.now();
    announce(&rig.depot, &[counted("a", 5_000), counted("b", 7)]).await;
    let expected = [("a".to_owned(), 3), ("b".to_owned(), 7)];
    eventually(async || counts(&rig.ledger).await == expected).await;
    let is_newer = async || matches!(age(&rig.ledger).await, Age::CurrentAt(at) if at >= refused);
    // Longer than it takes to note that nothing is new.
    sleep(Duration::from_secs(2)).await;
    assert!(!is_newer().await);
    let set_aside = offshoot_outbox::dead_letters(&rig.ledger, &mut cx(), None, 1)
        .await
        .unwrap();
    offshoot_outbox::skip(&rig.ledger, &mut cx(), "counts", set_aside[0].position)
        .await
        .unwrap();
    eventually(is_newer).await;
}

async fn a_copy_made_anew_is_the_same(place: Fresh) {
    let rig = Rig::on(place).await;
    let _process = copying(&rig);
    let many: Vec<_> = (0..900)
        .map(|count| counted(&format!("shelf-{}", count % 31), count))
        .collect();
    announce(&rig.depot, &many).await;
    eventually(async || counts(&rig.ledger).await.iter().map(|(_, count)| count).max() == Some(&899)).await;
    let before = counts(&rig.ledger).await;
    rig.place
        .administer(
            "ledger",
            "UPDATE counts SET count = 0; DELETE FROM counts WHERE key = 'shelf-3'",
        )
        .await;
    offshoot_outbox::rebuild(&rig.ledger, &mut cx(), "counts")
        .await
        .unwrap();
    eventually(async || counts(&rig.ledger).await == before).await;
    eventually(async || matches!(age(&rig.ledger).await, Age::CurrentAt(_))).await;
}

async fn what_keeps_no_copy_cannot_be_made_anew(place: Fresh) {
    let rig = Rig::on(place).await;
    let _process = rig.start(1);
    announce(&rig.depot, &[counted("a", 1)]).await;
    rig.hears(1).await;
    let refused = offshoot_outbox::rebuild(&rig.ledger, &mut cx(), "listener")
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("`listener` keeps no copy"), "{refused}");
}
