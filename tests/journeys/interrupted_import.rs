//! An import that is killed at any moment is completed by the next run, as if nothing had happened.
//!
//! `OFFSHOOT_KILLS` says how often per engine; the seed that is printed, given as `OFFSHOOT_SEED`, draws the same
//! moments again.

use std::collections::BTreeMap;
use std::env;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use offshoot_tests::{Data, Engine};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use tokio::time::{Instant, timeout};

use catalog_api::v1::{CatalogApi, PricePoint, Product};
use offshoot_contract::{CallContext, SystemClock};

on_both_engines! {
    an_import_that_was_killed_is_completed_by_the_next_run,
}

/// Enough to see that it works at all; the long run has many more.
const KILLS: u32 = 3;
pub(crate) const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../app/sample/online-retail-small.csv");
const IMPORT: [&str; 3] = ["import", "online-retail", SAMPLE];

async fn an_import_that_was_killed_is_completed_by_the_next_run(engine: Engine) {
    let seed = setting("OFFSHOOT_SEED").unwrap_or_else(rand::random);
    let kills = setting("OFFSHOOT_KILLS").unwrap_or(KILLS);
    println!("{engine}: {kills} kills at moments drawn with OFFSHOOT_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);

    let undisturbed = Data::new(engine).await;
    let start = Instant::now();
    undisturbed.run(&IMPORT).await.expect_success();
    let mut took = start.elapsed();
    let expected = assortment(&undisturbed).await;
    let mut killed = 0;
    while killed < kills {
        let data = Data::new(engine).await;
        let moment = took.mul_f64(random.random());
        if !kill_after(moment, &data).await {
            // The first import was slower. This one only shows where to aim.
            took = moment;
            continue;
        }
        killed += 1;
        data.run(&IMPORT).await.expect_success();
        assert_eq!(
            assortment(&data).await,
            expected,
            "seed {seed}, kill {killed}, after {moment:?}"
        );
    }
}

/// Starts the import and kills it. False if it had ended by itself before.
async fn kill_after(moment: Duration, data: &Data) -> bool {
    let mut command = data.command(&IMPORT);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut import = command.spawn().expect("the binary can be started");
    let ended = timeout(moment, import.wait()).await.is_ok();
    import.kill().await.expect("it is dead then");
    !ended
}

/// What can be seen of a product, without what is new in each store: SKU, name, category, price, and its price history.
type Seen = (String, String, String, Vec<String>);

/// Every product that the catalog shows, by SKU, read through its contract in this process.
async fn assortment(data: &Data) -> BTreeMap<String, Seen> {
    let folder = data.folder().as_os_str().to_owned();
    let database = data.database().unwrap_or_default().into();
    let environment = [
        ("OFFSHOOT__DATA_DIR".into(), folder),
        ("OFFSHOOT__DATABASE".into(), database),
    ];
    let configuration = offshoot::config::load_from(None, environment, &offshoot::config::Flags::default());
    let settings = configuration.expect("these are settings").settings;
    let wired = offshoot::wiring::connect(&settings, Arc::new(SystemClock))
        .await
        .expect("the data opens");
    let catalog = wired.catalog.expect("the catalog runs here");
    let mut seen = BTreeMap::new();
    for product in products(&*catalog).await {
        let prices = prices(&*catalog, &product).await;
        let Product {
            sku,
            name,
            category,
            price,
            ..
        } = product;
        seen.insert(sku, (name, category, price.to_string(), prices));
    }
    for module in wired.placed {
        (module.stop)(Duration::from_secs(10)).await;
    }
    seen
}

async fn products(catalog: &dyn CatalogApi) -> Vec<Product> {
    let mut products = Vec::new();
    let mut token = None;
    loop {
        let page = catalog
            .browse(&mut cx(), None, None, Some(100), token)
            .await
            .expect("a page");
        products.extend(page.items);
        token = page.next_page_token;
        if token.is_none() {
            return products;
        }
    }
}

async fn prices(catalog: &dyn CatalogApi, product: &Product) -> Vec<String> {
    let page = catalog
        .price_history(&mut cx(), product.id, Some(100), None)
        .await
        .expect("a page");
    assert_eq!(page.next_page_token, None, "two days have fewer prices than a page");
    page.items
        .iter()
        .map(|PricePoint { price, since, .. }| format!("{price} since {since}"))
        .collect()
}

fn cx() -> CallContext {
    CallContext::root("import")
}

/// A number from the environment.
#[expect(clippy::disallowed_methods, reason = "a setting of the tests, not of the store")]
pub(crate) fn setting<N: std::str::FromStr>(name: &str) -> Option<N> {
    let value = env::var(name).ok()?;
    Some(
        value
            .parse()
            .unwrap_or_else(|_| panic!("{name} is `{value}`, which is no number")),
    )
}
