//! An import killed at a random moment is completed by the next run, with the result of an uninterrupted import.
//!
//! `OFFSHOOT_KILLS` sets the number of kills per engine. `OFFSHOOT_SEED` repeats the moments of the printed seed.

use std::collections::BTreeMap;
use std::env;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use offshoot_tests::{Data, Engine};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::time::{Instant, timeout};

use catalog_api::v1::{CatalogApi, PricePoint, Product};
use offshoot_contract::{CallContext, SystemClock};

on_both_engines! {
    a_killed_import_is_completed_by_the_next_run,
}

/// Kills per engine. The long suite raises the number.
const KILLS: u32 = 3;
pub(crate) const SAMPLE_CSV: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../app/import/sample/online-retail-small.csv"
);
const IMPORT: [&str; 3] = ["import", "online-retail", SAMPLE_CSV];

async fn a_killed_import_is_completed_by_the_next_run(engine: Engine) {
    let seed = env_setting("OFFSHOOT_SEED").unwrap_or_else(rand::random);
    let kills = env_setting("OFFSHOOT_KILLS").unwrap_or(KILLS);
    println!("{engine}: {kills} kills at moments drawn with OFFSHOOT_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);

    let uninterrupted = Data::new(engine).await;
    let start = Instant::now();
    uninterrupted.run_command(&IMPORT).await.expect_success();
    let mut duration = start.elapsed();
    let expected = read_assortment(&uninterrupted).await;
    let mut killed = 0;
    while killed < kills {
        let data = Data::new(engine).await;
        let moment = duration.mul_f64(random.random());
        if !kill_after(moment, &data).await {
            // The import ended before the kill: aim at earlier moments from now on.
            duration = moment;
            continue;
        }
        killed += 1;
        data.run_command(&IMPORT).await.expect_success();
        assert_eq!(
            read_assortment(&data).await,
            expected,
            "seed {seed}, kill {killed}, after {moment:?}"
        );
    }
}

/// Starts the import and kills the process after `moment`. Returns false for an import that had ended before.
async fn kill_after(moment: Duration, data: &Data) -> bool {
    let mut command = data.command(&IMPORT);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut import = command.spawn().expect("the binary starts");
    let ended = timeout(moment, import.wait()).await.is_ok();
    import.kill().await.expect("the import is killed");
    !ended
}

/// The data of a product that is the same in every store: name, category, price and price history.
type ProductState = (String, String, String, Vec<String>);

/// Reads every product through the catalog's contract, opened in this process. The keys are SKUs.
async fn read_assortment(data: &Data) -> BTreeMap<String, ProductState> {
    let folder = data.folder().as_os_str().to_owned();
    let database = data.database().unwrap_or_default().into();
    let environment = [
        ("OFFSHOOT__DATA_DIR".into(), folder),
        ("OFFSHOOT__DATABASE".into(), database),
    ];
    let configuration = offshoot::config::load_from(None, environment, &offshoot::config::Flags::default());
    let settings = configuration.expect("the settings are valid").settings;
    let options = settings.host_options(Arc::new(SystemClock));
    let wired = offshoot::wiring::connect(options.expect("the keys are readable"))
        .await
        .expect("the data opens");
    let catalog = wired.catalog.expect("the catalog is local");
    let mut products_by_sku = BTreeMap::new();
    for product in products(&*catalog).await {
        let prices = prices(&*catalog, &product).await;
        let Product {
            sku,
            name,
            category,
            price,
            ..
        } = product;
        products_by_sku.insert(sku, (name, category, price.to_string(), prices));
    }
    for module in wired.hosted {
        (module.stop)(Duration::from_secs(10)).await;
    }
    products_by_sku
}

async fn products(catalog: &dyn CatalogApi) -> Vec<Product> {
    let mut products = Vec::new();
    let mut token = None;
    loop {
        let page = catalog
            .browse(&mut cx(), None, None, Some(100), token)
            .await
            .expect("the catalog returns a page");
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
        .expect("the catalog returns a page");
    assert_eq!(
        page.next_page_token, None,
        "the price history of two days fits on one page"
    );
    page.items
        .iter()
        .map(|PricePoint { price, since, .. }| format!("{price} since {since}"))
        .collect()
}

fn cx() -> CallContext {
    CallContext::root("import")
}

/// Parses an environment variable. Panics on an invalid value.
#[expect(clippy::disallowed_methods, reason = "a setting of the tests, not of the store")]
pub(crate) fn env_setting<N: std::str::FromStr>(name: &str) -> Option<N> {
    let value = env::var(name).ok()?;
    Some(
        value
            .parse()
            .unwrap_or_else(|_| panic!("{name} is `{value}`, which is not a number")),
    )
}
