//! Feeds the carts' projection with catalog events, directly or through a real log.

use std::sync::Arc;
use std::time::Duration;

use carts::PricesProjection;
use catalog_api::v1::{CatalogEvent, Product};
use offshoot_contract::{CallContext, Timestamp};
use offshoot_db::{Db, ModuleSchema};
use offshoot_jobs::{HeartbeatTiming, Replica};
use offshoot_outbox::{Age, Delivered, LocalSource, Projection, Publish, Tail, read_age};
use offshoot_testkit::ScratchDatabase;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::T;

/// Longer than any test here takes on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(60);
const TIMING: HeartbeatTiming = HeartbeatTiming {
    interval: Duration::from_millis(100),
    timeout: Duration::from_millis(1_000),
};

/// A catalog without tables, only for its event log.
static CATALOG: ModuleSchema = ModuleSchema {
    module: "catalog",
    migrations: &[],
    tables: "",
};

/// Delivers these products to the projection in one transaction.
pub(crate) async fn deliver(t: &T, products: &[Product]) {
    let at = Timestamp::from_micros(0).unwrap();
    let delivered = (1..).zip(products).map(|(position, product)| Delivered {
        event: CatalogEvent::ProductChanged(product.clone()),
        position,
        at,
    });
    let delivered: Vec<_> = delivered.collect();
    let mut cx = CallContext::root("test");
    let mut tx = t.db.begin(&mut cx).await.unwrap();
    PricesProjection.apply(&mut tx, &delivered).await.unwrap();
    tx.commit_part().await.unwrap();
}

pub(crate) async fn clear_projection(t: &T) {
    let mut cx = CallContext::root("test");
    let mut tx = t.db.begin(&mut cx).await.unwrap();
    PricesProjection.clear(&mut tx).await.unwrap();
    tx.commit_part().await.unwrap();
}

/// Publishes these products in a real log and runs the subscription until the projection is current. Returns the time
/// as of which the projection is current.
pub(crate) async fn project_from_log(t: &T, products: &[Product]) -> Timestamp {
    let place = ScratchDatabase::create(t.combination.engine).await.unwrap();
    let catalog = place.open(&CATALOG).await;
    publish(&catalog, products).await;
    let replica = Replica::new(t.db.clone(), TIMING);
    let mut tasks = JoinSet::new();
    let running = Arc::clone(&replica);
    tasks.spawn(async move { running.send_heartbeats().await });
    for subscription in carts::subscriptions() {
        let tail = Tail::new(LocalSource::new(catalog.clone()));
        tasks.spawn(Arc::clone(&tail).poll_head());
        tasks.spawn(offshoot_outbox::handle_events(subscription, tail, Arc::clone(&replica)));
    }
    let deadline = Instant::now() + TIMEOUT;
    loop {
        let mut cx = CallContext::root("test");
        let age = read_age(&mut t.db.read(&mut cx).await.unwrap(), carts::PRICES_SUBSCRIPTION)
            .await
            .unwrap();
        if let Age::CurrentAt(at) = age {
            tasks.shutdown().await;
            return at;
        }
        assert!(
            Instant::now() < deadline,
            "the projection is not current after {TIMEOUT:?}"
        );
        sleep(Duration::from_millis(10)).await;
    }
}

async fn publish(catalog: &Db, products: &[Product]) {
    let events: Vec<_> = products.iter().cloned().map(CatalogEvent::ProductChanged).collect();
    let mut cx = CallContext::root("test");
    let mut tx = catalog.begin(&mut cx).await.unwrap();
    tx.publish_all(&events).await.unwrap();
    tx.commit_part().await.unwrap();
}
