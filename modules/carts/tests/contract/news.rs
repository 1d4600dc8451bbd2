//! What the catalog announces, as the carts' copy gets it.

use std::sync::Arc;
use std::time::Duration;

use carts::CopyOfPrices;
use catalog_api::v1::{CatalogEvent, Product};
use offshoot_contract::{CallContext, Timestamp};
use offshoot_db::{Db, ModuleSchema};
use offshoot_jobs::{Pace, Replica};
use offshoot_outbox::{Age, Delivered, LocalSource, Projection, Publish, Tail, age};
use offshoot_testkit::Fresh;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::T;

/// Longer than anything here takes on a machine that does other work.
const PATIENCE: Duration = Duration::from_secs(60);
const PACE: Pace = Pace {
    beat: Duration::from_millis(100),
    silence: Duration::from_millis(1_000),
};

/// A catalog of which nothing is there but its log.
static CATALOG: ModuleSchema = ModuleSchema {
    module: "catalog",
    migrations: &[],
    tables: "",
};

/// These products as they are now, in one transaction.
pub(crate) async fn hear(t: &T, products: &[Product]) {
    let at = Timestamp::from_micros(0).unwrap();
    let delivered = (1..).zip(products).map(|(position, product)| Delivered {
        event: CatalogEvent::ProductChanged(product.clone()),
        position,
        at,
    });
    let delivered: Vec<_> = delivered.collect();
    let mut cx = CallContext::root("test");
    let mut tx = t.db.begin(&mut cx).await.unwrap();
    CopyOfPrices.apply(&mut tx, &delivered).await.unwrap();
    tx.commit_part().await.unwrap();
}

pub(crate) async fn forget(t: &T) {
    let mut cx = CallContext::root("test");
    let mut tx = t.db.begin(&mut cx).await.unwrap();
    CopyOfPrices.clear(&mut tx).await.unwrap();
    tx.commit_part().await.unwrap();
}

/// A real log with these products, followed until the copy has them all; answers since when.
pub(crate) async fn follow(t: &T, products: &[Product]) -> Timestamp {
    let place = Fresh::on(t.combination.engine).await.unwrap();
    let catalog = place.open(&CATALOG).await;
    announce(&catalog, products).await;
    let replica = Replica::new(t.db.clone(), PACE);
    let mut tasks = JoinSet::new();
    let running = Arc::clone(&replica);
    tasks.spawn(async move { running.run().await });
    for subscription in carts::subscriptions() {
        let tail = Tail::new(LocalSource::new(catalog.clone()));
        tasks.spawn(Arc::clone(&tail).run());
        tasks.spawn(offshoot_outbox::run(subscription, tail, Arc::clone(&replica)));
    }
    let give_up = Instant::now() + PATIENCE;
    loop {
        let mut cx = CallContext::root("test");
        let age = age(&mut t.db.read(&mut cx).await.unwrap(), carts::PRICES)
            .await
            .unwrap();
        if let Age::CurrentAt(at) = age {
            tasks.shutdown().await;
            return at;
        }
        assert!(Instant::now() < give_up, "the copy is never filled");
        sleep(Duration::from_millis(10)).await;
    }
}

async fn announce(catalog: &Db, products: &[Product]) {
    let events: Vec<_> = products.iter().cloned().map(CatalogEvent::ProductChanged).collect();
    let mut cx = CallContext::root("test");
    let mut tx = catalog.begin(&mut cx).await.unwrap();
    tx.publish_all(&events).await.unwrap();
    tx.commit_part().await.unwrap();
}
