//! Real logs of two other modules, followed by real workers.

use std::sync::Arc;
use std::time::Duration;

use catalog_api::v1::CatalogEvent;
use inventory_api::v1::InventoryEvent;
use offshoot_contract::{CallContext, EventSet};
use offshoot_db::{Db, ModuleSchema};
use offshoot_jobs::{Pace, Replica};
use offshoot_outbox::{LocalSource, Publish, Tail};
use offshoot_testkit::Fresh;
use storefront_api::v1::Freshness;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::T;
use crate::news::{product, stock};

/// Longer than anything here takes on a machine that does other work.
const PATIENCE: Duration = Duration::from_secs(60);
const PACE: Pace = Pace {
    beat: Duration::from_millis(100),
    silence: Duration::from_millis(1_000),
};

static CATALOG: ModuleSchema = log_of("catalog");
static INVENTORY: ModuleSchema = log_of("inventory");

/// A module of which nothing is there but its log.
const fn log_of(module: &'static str) -> ModuleSchema {
    ModuleSchema {
        module,
        migrations: &[],
        tables: "",
    }
}

async fn announce<E: EventSet>(db: &Db, event: E) {
    let mut cx = CallContext::root("test");
    let mut tx = db.begin(&mut cx).await.unwrap();
    tx.publish(&event).await.unwrap();
    tx.commit_part().await.unwrap();
}

/// What a process that hosts the storefront runs.
fn host(t: &T, logs: &[&Db]) -> JoinSet<()> {
    let replica = Replica::new(t.db.clone(), PACE);
    let mut tasks = JoinSet::new();
    let running = Arc::clone(&replica);
    tasks.spawn(async move { running.run().await });
    for subscription in storefront::subscriptions() {
        let log = logs.iter().find(|log| log.module() == subscription.module()).unwrap();
        let tail = Tail::new(LocalSource::new((*log).clone()));
        tasks.spawn(Arc::clone(&tail).run());
        tasks.spawn(offshoot_outbox::run(subscription, tail, Arc::clone(&replica)));
    }
    tasks
}

async fn freshness(t: &T) -> Freshness {
    t.api.freshness(&mut t.cx()).await.unwrap()
}

pub(crate) async fn what_is_announced_is_shown_and_its_age_is_known(t: T) {
    let place = Fresh::on(t.combination.engine).await.unwrap();
    let (catalog, inventory) = (place.open(&CATALOG).await, place.open(&INVENTORY).await);
    let unknown = Freshness {
        products_current_at: None,
        stock_current_at: None,
    };
    assert_eq!(freshness(&t).await, unknown);
    let lamp = product("lamp");
    let announced = catalog.now();
    announce(&inventory, InventoryEvent::StockChanged(stock(&lamp, 3))).await;
    announce(&catalog, CatalogEvent::ProductChanged(lamp.clone())).await;
    let _host = host(&t, &[&catalog, &inventory]);
    let give_up = Instant::now() + PATIENCE;
    loop {
        let shown = t.api.listing(&mut t.cx(), lamp.id).await;
        let Freshness {
            products_current_at,
            stock_current_at,
        } = freshness(&t).await;
        if let (Ok(listing), Some(products), Some(stock)) = (&shown, products_current_at, stock_current_at)
            && listing.available == 3
        {
            // Told by the clocks of those who announced it.
            let (products_now, stock_now) = (catalog.now(), inventory.now());
            assert!((announced..=products_now).contains(&products), "{products}");
            assert!((announced..=stock_now).contains(&stock), "{stock}");
            break;
        }
        if Instant::now() >= give_up {
            let status = offshoot_outbox::status(&t.db, &mut CallContext::root("test")).await;
            panic!("it does not come about: {shown:?}: {status:?}");
        }
        sleep(Duration::from_millis(10)).await;
    }
}
