//! The storefront's subscriptions, run by real workers on real logs of the catalog and the inventory.

use std::sync::Arc;
use std::time::Duration;

use catalog_api::v1::CatalogEvent;
use inventory_api::v1::InventoryEvent;
use offshoot_contract::{CallContext, EventSet};
use offshoot_db::{Db, ModuleSchema};
use offshoot_jobs::{HeartbeatTiming, Replica};
use offshoot_outbox::{LocalSource, Publish, Tail};
use offshoot_testkit::ScratchDatabase;
use storefront_api::v1::Freshness;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::T;
use crate::event_fixtures::{product, stock};

/// Timeout of a wait, generous for a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
const TIMING: HeartbeatTiming = HeartbeatTiming {
    interval: Duration::from_millis(100),
    timeout: Duration::from_millis(1_000),
};

static CATALOG: ModuleSchema = module_with_log("catalog");
static INVENTORY: ModuleSchema = module_with_log("inventory");

/// A module that has only a log.
const fn module_with_log(module: &'static str) -> ModuleSchema {
    ModuleSchema {
        module,
        migrations: &[],
        tables: "",
    }
}

async fn publish<E: EventSet>(db: &Db, event: E) {
    let mut cx = CallContext::root("test");
    let mut tx = db.begin(&mut cx).await.unwrap();
    tx.publish(&event).await.unwrap();
    tx.commit_part().await.unwrap();
}

/// Starts the tasks of a process that hosts the storefront.
fn start_subscriptions(t: &T, logs: &[&Db]) -> JoinSet<()> {
    let replica = Replica::new(t.db.clone(), TIMING);
    let mut tasks = JoinSet::new();
    let running = Arc::clone(&replica);
    tasks.spawn(async move { running.send_heartbeats().await });
    for subscription in storefront::subscriptions() {
        let log = logs.iter().find(|log| log.module() == subscription.module()).unwrap();
        let tail = Tail::new(LocalSource::new((*log).clone()));
        tasks.spawn(Arc::clone(&tail).poll_head());
        tasks.spawn(offshoot_outbox::handle_events(subscription, tail, Arc::clone(&replica)));
    }
    tasks
}

async fn freshness(t: &T) -> Freshness {
    t.api.freshness(&mut t.cx()).await.unwrap()
}

pub(crate) async fn published_events_are_listed_and_their_age_is_known(t: T) {
    let database = ScratchDatabase::create(t.combination.engine).await.unwrap();
    let (catalog, inventory) = (database.open(&CATALOG).await, database.open(&INVENTORY).await);
    let unknown = Freshness {
        products_current_at: None,
        stock_current_at: None,
    };
    assert_eq!(freshness(&t).await, unknown);
    let lamp = product("lamp");
    let published = catalog.now();
    publish(&inventory, InventoryEvent::StockChanged(stock(&lamp, 3))).await;
    publish(&catalog, CatalogEvent::ProductChanged(lamp.clone())).await;
    let _tasks = start_subscriptions(&t, &[&catalog, &inventory]);
    let give_up = Instant::now() + PATIENCE;
    loop {
        let listing = t.api.listing(&mut t.cx(), lamp.id).await;
        let Freshness {
            products_current_at,
            stock_current_at,
        } = freshness(&t).await;
        if let (Ok(found), Some(products), Some(stock)) = (&listing, products_current_at, stock_current_at)
            && found.available == 3
        {
            // The times are of the publishers' clocks.
            let (products_now, stock_now) = (catalog.now(), inventory.now());
            assert!((published..=products_now).contains(&products), "{products}");
            assert!((published..=stock_now).contains(&stock), "{stock}");
            break;
        }
        if Instant::now() >= give_up {
            let status = offshoot_outbox::status(&t.db, &mut CallContext::root("test")).await;
            panic!("the published events were not listed in time: {listing:?}: {status:?}");
        }
        sleep(Duration::from_millis(10)).await;
    }
}
