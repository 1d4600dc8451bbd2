//! Importers against real modules: imported contents, interrupted runs, repeated runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use catalog_api::v1::{CatalogApi, Product};
use inventory_api::v1::Balance;
use offshoot_contract::{ArgsOf, CallContext, CallFailure, Contract, FailureKind, Invoke, Method, Money};
use offshoot_import::online_retail::Modules;
use offshoot_import::{Checkpoint, Progress, Reached, Silent, Source, online_retail, products, sample};
use orders_api::v1::RevenueBy;
use serde_json::{Value, json};

use crate::store::Store;

fn sample_file() -> Source {
    Source::file(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/import/sample/online-retail-small.csv"
    ))
}

fn checkpoint(store: &Store) -> Checkpoint {
    let file = sample_file().fingerprint().expect("the sample is readable");
    Checkpoint::open(store.folder.path(), file, "the store".to_owned())
}

async fn import_sample(store: &Store, checkpoint: Option<Checkpoint>) -> Value {
    let options = online_retail::Options {
        strict: true,
        checkpoint,
        books: None,
    };
    let report = online_retail::import(&store.importable(), sample_file(), options, &mut Silent).await;
    serde_json::to_value(report.expect("the sample is imported")).expect("the report serializes")
}

async fn product(store: &Store, sku: &str) -> Product {
    let page = store
        .catalog
        .browse(&mut store.cx(), Some(sku.to_owned()), None, None, None)
        .await
        .expect("the catalog lists products");
    page.items
        .into_iter()
        .find(|product| product.sku == sku)
        .expect("the product exists")
}

/// Every product with prices, without ids and times.
async fn contents(store: &Store) -> Vec<Value> {
    let mut all = Vec::new();
    let mut token = None;
    loop {
        let page = store
            .catalog
            .browse(&mut store.cx(), None, None, Some(100), token)
            .await
            .expect("the module lists its rows");
        for product in page.items {
            let history = store
                .catalog
                .price_history(&mut store.cx(), product.id, Some(100), None)
                .await
                .expect("the product has a price history");
            all.push(json!([
                product.sku,
                product.name,
                product.category,
                product.price,
                history.items
            ]));
        }
        token = page.next_page_token;
        if token.is_none() {
            all.extend(books(store).await);
            return all;
        }
    }
}

/// Stock balances and revenue.
async fn books(store: &Store) -> Vec<Value> {
    let Modules { inventory, orders, .. } = store.importable();
    let mut stock = Vec::new();
    let mut token = None;
    loop {
        let page = inventory
            .balances(&mut store.cx(), Some(100), token)
            .await
            .expect("the module lists its rows");
        let sums = |balance: Balance| [balance.received, balance.adjusted, balance.sold, balance.returned];
        stock.extend(page.items.into_iter().map(sums));
        token = page.next_page_token;
        if token.is_none() {
            break;
        }
    }
    stock.sort_unstable();
    let revenue = orders
        .revenue(&mut store.cx(), RevenueBy::Country)
        .await
        .expect("the revenue is in range");
    vec![json!(stock), json!(revenue)]
}

#[tokio::test]
async fn the_sample_has_products_with_price_histories() {
    let store = Store::empty().await;
    let report = sample::load(&store.importable()).await.expect("the sample is imported");
    assert_eq!(report.lines(), 5_017);
    assert_eq!(
        (
            report.sales().invoices,
            report.sales().credit_notes,
            report.sales().recorded
        ),
        (259, 29, 288)
    );
    assert_eq!((report.stock().opened, report.stock().refused), (1_577, 0));
    let revenue = store
        .importable()
        .orders
        .revenue(&mut store.cx(), RevenueBy::Month)
        .await;
    let total = &revenue.expect("the revenue is in range").totals[0];
    assert_eq!(
        [total.net, total.gross, total.credit].map(Money::amount),
        ["102295.99", "104162.32", "-1866.33"]
    );
    assert_eq!(
        (report.products().added, report.price_points().recorded),
        (1_577, 1_311)
    );

    let heart = product(&store, "85123A").await;
    assert_eq!(
        (heart.name.as_str(), heart.category.as_str()),
        ("WHITE HANGING HEART T-LIGHT HOLDER", "lighting")
    );
    let history = store
        .catalog
        .price_history(&mut store.cx(), heart.id, None, None)
        .await
        .expect("the product has a price history");
    let first = history.items.last().expect("the history has a first price");
    assert_eq!(
        (first.price.amount().as_str(), first.since.to_string().as_str()),
        ("2.55", "2010-12-01T08:26:00Z")
    );
    assert_eq!(history.items[0].price, heart.price);
}

#[tokio::test]
async fn a_second_import_changes_nothing_with_or_without_a_checkpoint() {
    let store = Store::empty().await;
    let first = import_sample(&store, Some(checkpoint(&store))).await;
    assert_eq!(first["products"]["added"], 1_577);
    let before = contents(&store).await;

    let again = import_sample(&store, Some(checkpoint(&store))).await;
    assert_eq!(
        again["products"],
        json!({ "added": 0, "existing": 0, "rejected": 0, "sent_before": 1_577 })
    );
    assert_eq!(
        again["price_points"],
        json!({ "recorded": 0, "rejected": 0, "sent_before": 1_311 })
    );
    let without = import_sample(&store, None).await;
    assert_eq!(
        without["products"],
        json!({ "added": 0, "existing": 1_577, "rejected": 0, "sent_before": 0 })
    );
    assert_eq!(contents(&store).await, before);
}

/// Catalog that forwards `calls_left` calls and then fails.
struct FailingCatalog {
    catalog: Arc<dyn CatalogApi>,
    calls_left: AtomicI32,
}

impl Invoke<dyn CatalogApi> for FailingCatalog {
    async fn invoke<M: Method<Api = dyn CatalogApi>>(
        &self,
        cx: &mut CallContext,
        args: ArgsOf<M>,
    ) -> Result<M::Answer, M::Error> {
        if self.calls_left.fetch_sub(1, Ordering::Relaxed) > 0 {
            return M::call(&*self.catalog, cx, args).await;
        }
        Err(CallFailure::not_executed(FailureKind::Unavailable, "the catalog is down").into())
    }
}

#[tokio::test]
async fn an_interrupted_import_resumes_and_ends_with_the_same_contents() {
    let complete = Store::empty().await;
    import_sample(&complete, None).await;
    let expected = contents(&complete).await;

    // Four calls import the sample: two batches of products, two of prices.
    for calls in 0..4 {
        let store = Store::empty().await;
        let failing = FailingCatalog {
            catalog: Arc::clone(&store.catalog),
            calls_left: AtomicI32::new(calls),
        };
        let modules = Modules {
            catalog: <dyn CatalogApi as Contract>::new_proxy(failing),
            ..store.importable()
        };
        let options = online_retail::Options {
            strict: true,
            checkpoint: Some(checkpoint(&store)),
            books: None,
        };
        let error = online_retail::import(&modules, sample_file(), options, &mut Silent)
            .await
            .expect_err("the catalog fails");
        let message = format!("{error:#}");
        assert!(
            message.contains(
                "the catalog is down. Everything up to that line is loaded: run the same command again to continue"
            ),
            "{message}"
        );

        let line = checkpoint(&store).line();
        assert_eq!(
            line > 0,
            calls >= 2,
            "after {calls} calls the checkpoint is at line {line}"
        );
        let mut notes = Notes::default();
        let options = online_retail::Options {
            strict: true,
            checkpoint: Some(checkpoint(&store)),
            books: None,
        };
        online_retail::import(&store.importable(), sample_file(), options, &mut notes)
            .await
            .expect("the import resumes");
        assert_eq!(
            notes
                .0
                .iter()
                .any(|note| note.ends_with(&format!("resuming after line {line}"))),
            line > 0
        );
        assert_eq!(contents(&store).await, expected, "interrupted after {calls} calls");
    }
}

#[derive(Default)]
struct Notes(Vec<String>);

impl Progress for Notes {
    fn reached(&mut self, _: Reached) {}
    fn note(&mut self, message: &str) {
        self.0.push(message.to_owned());
    }
}

/// The file's first price of an existing product becomes a point of the product's price history.
#[tokio::test]
async fn an_existing_product_gets_the_price_history_of_the_file() {
    let store = Store::empty().await;
    store.client().add_product("85123A", "Mine", "9.99").await;
    let report = import_sample(&store, None).await;
    assert_eq!(report["products"]["existing"], 1);
    let mine = product(&store, "85123A").await;
    assert_eq!(
        (mine.name.as_str(), mine.price.amount().as_str()),
        ("Mine", "9.99"),
        "the current price stays"
    );
    let history = store
        .catalog
        .price_history(&mut store.cx(), mine.id, None, None)
        .await
        .expect("the product has a price history");
    assert_eq!(
        history.items.last().map(|point| point.price.amount()).as_deref(),
        Some("2.55")
    );
}

#[tokio::test]
async fn products_are_added_once_and_rejected_rows_are_reported() {
    let store = Store::empty().await;
    let csv: &'static [u8] = b"sku,name,price\nA1,Lamp,2.50\nA2,Bag,0\nA1,Another lamp,3\n";
    let import = async || {
        let options = products::Options {
            columns: Vec::new().into(),
            category: "other".to_owned(),
            currency: Money::GBP,
            currencies: vec![Money::GBP],
            strict: false,
        };
        products::import(
            Arc::clone(&store.catalog),
            Source::bytes("shop.csv", csv),
            options,
            &mut Silent,
        )
        .await
    };
    let first = import().await.expect("the import succeeds");
    assert_eq!(
        (first.rows, first.added, first.existing, first.bad_rows.count),
        (3, 1, 1, 1)
    );
    assert!(
        first.bad_rows.shown[0].starts_with("line 3: price"),
        "{:?}",
        first.bad_rows
    );
    let again = import().await.expect("the import succeeds");
    assert_eq!((again.added, again.existing), (0, 2));
    assert_eq!(product(&store, "A1").await.name, "Lamp");
}

#[tokio::test]
async fn only_an_empty_catalog_gets_the_sample() {
    let store = Store::empty().await;
    let settings = store.settings();
    sample::load_if_empty(&settings.data_dir, &store.importable())
        .await
        .expect("the import succeeds");
    product(&store, "85123A").await;

    let store = Store::empty().await;
    store.client().add_product("A1", "Lamp", "1.00").await;
    sample::load_if_empty(&store.settings().data_dir, &store.importable())
        .await
        .expect("the import is skipped");
    // The product, and empty stock and revenue.
    assert_eq!(contents(&store).await.len(), 3);
}
