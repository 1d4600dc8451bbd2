//! On Postgres every module of the store reaches its own rows and nothing else, and works wherever its data is.

use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use offshoot::wiring::schemas;
use offshoot_db::Engine::Postgres;
use offshoot_testkit::intruder;
use offshoot_tests::{Data, Placement, Store, new_database};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use super::is_there;

const PASSWORD: &str = "known to this test";

/// A migrated store whose modules have logins of their own, at a URL that says so.
pub(super) async fn provisioned() -> (Data, String) {
    let data = Data::new(Postgres).await;
    let file = passwords(&data);
    let arguments = ["db", "provision", "--logins", "--own-database", "--passwords"];
    let file = file.to_str().expect("a plain name");
    data.run(&[&arguments[..], &[file]].concat()).await.expect_success();
    let url = data.database().expect("it is on Postgres").to_owned();
    (data, url)
}

/// The operator's own file: one password for everybody.
fn passwords(data: &Data) -> PathBuf {
    use std::io::Write as _;
    let path = data.folder().join("passwords");
    let mut options = std::fs::OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(&path);
    let line = format!("*:*:*:*:{PASSWORD}\n");
    file.and_then(|mut file| file.write_all(line.as_bytes()))
        .expect("a file");
    path
}

/// The same place, where each module logs in as itself.
fn as_themselves(url: &str) -> String {
    url.replace("//postgres@", "//{module}@")
}

async fn administer(url: &str, sql: &str) {
    let mut connection = PgConnection::connect(url).await.expect("the server answers");
    let done = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(&mut connection)
        .await;
    done.expect("SQL of a test");
    connection.close().await.expect("the server answers");
}

fn modules() -> Vec<&'static str> {
    schemas().iter().map(|schema| schema.module).collect()
}

#[tokio::test]
async fn no_module_reaches_beyond_its_rows() {
    if !is_there(Postgres) {
        return;
    }
    assert_eq!(modules().len(), 8);
    let (_data, url) = provisioned().await;
    let found = intruder::breaches(&url, &modules(), PASSWORD).await;
    assert!(found.is_empty(), "{} breaches:\n{}", found.len(), found.join("\n"));
}

/// The twin: a single right too many, of any of these kinds, and the test above fails.
#[tokio::test]
async fn a_module_that_reaches_beyond_its_rows_is_found() {
    if !is_there(Postgres) {
        return;
    }
    let (_data, url) = provisioned().await;
    let planted = "GRANT USAGE ON SCHEMA payments TO carts; GRANT SELECT ON payments.payments TO carts; \
                   GRANT USAGE ON SCHEMA catalog TO orders; GRANT INSERT ON catalog.products TO orders; \
                   GRANT DELETE ON inventory.offshoot_owner TO inventory; \
                   ALTER FUNCTION orders.offshoot_begin(bytea, bigint) OWNER TO orders";
    administer(&url, planted).await;
    let found = intruder::breaches(&url, &modules(), PASSWORD).await;
    for breach in [
        "carts: SELECT * FROM payments.payments: was not denied",
        "carts: COPY payments.payments TO STDOUT: was not denied",
        "orders: SET LOCAL search_path TO catalog; SELECT * FROM products: 42P01 was expected",
        "orders: INSERT INTO catalog.products DEFAULT VALUES: 42501 was expected",
        "orders: COPY catalog.products FROM STDIN: was not denied",
        "inventory: DELETE FROM inventory.offshoot_owner: was not denied",
        "orders: DROP FUNCTION orders.offshoot_begin(bytea, bigint): was not denied",
    ] {
        assert!(
            found.iter().any(|found| found.starts_with(breach)),
            "{breach} was not found in\n{}",
            found.join("\n")
        );
    }
    assert!(
        !found.iter().any(|found| found.starts_with("payments: ")),
        "nothing was planted for payments:\n{}",
        found.join("\n")
    );
}

#[tokio::test]
async fn a_store_whose_modules_log_in_as_themselves_sells_and_is_not_warned_of() {
    if !is_there(Postgres) {
        return;
    }
    for placement in [Placement::OneProcess, Placement::Apart] {
        let (data, url) = provisioned().await;
        let data = data
            .through(as_themselves(&url))
            .told("OFFSHOOT__POSTGRES__ISOLATION", "require");
        let store = Store::start(placement, data).await;
        sells(&store).await;
        let data = store.stop().await;
        assert!(!data.logged().contains("manners"), "{}", data.logged());
    }
}

#[tokio::test]
async fn modules_on_several_databases_and_both_engines_make_one_store() {
    if !is_there(Postgres) {
        return;
    }
    let [first, second] = [new_database().await, new_database().await];
    let data = Data::new(offshoot_tests::Engine::Sqlite)
        .await
        .told("OFFSHOOT__MODULES__INVENTORY__DATABASE", &first)
        .told("OFFSHOOT__MODULES__ORDERS__DATABASE", &second)
        // Two modules at once on one database, and one on another, beside those on files.
        .told("OFFSHOOT__MODULES__CARTS__DATABASE", &first);
    let refused = data.run(&["serve", "--listen", "127.0.0.1:0"]).await;
    refused.expect_error(1, &["offshoot db migrate"]);
    data.run(&["db", "migrate"]).await.expect_success();
    assert!(!data_has_orders(&second).await);
    let store = Store::start(Placement::OneProcess, data).await;
    sells(&store).await;
    let store = store.restart().await;
    let files = files(&store);
    let expected = [
        "catalog.db",
        "notifications.db",
        "payments.db",
        "reporting.db",
        "storefront.db",
    ];
    assert_eq!(files, expected);
    assert!(data_has_orders(&second).await);
    store.stop().await;
}

/// A basket is bought, and the goods are gone.
async fn sells(store: &Store) {
    let (operator, shopper) = (store.operator(), store.shopper());
    let product = operator.add("L-1", "Tin lantern", "2.50").await;
    operator.receive(&product, 10).await;
    let cart = shopper.take_cart().await;
    shopper.put(&cart, &product, 4).await;
    let order = shopper.buy(&cart).await;
    assert_eq!(order["total"]["amount"], "10.00");
    assert_eq!(shopper.stock(&product).await, [6, 0, 6]);
}

fn files(store: &Store) -> Vec<String> {
    let entries = std::fs::read_dir(store.data().folder()).expect("the data directory");
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut files: Vec<_> = names.filter(|name| name.ends_with(".db")).collect();
    files.sort();
    files
}

async fn data_has_orders(url: &str) -> bool {
    let mut connection = PgConnection::connect(url).await.expect("the server answers");
    let (count,): (i64,) = sqlx::query_as("SELECT count(*) FROM orders.orders")
        .fetch_one(&mut connection)
        .await
        .expect("the orders' table");
    connection.close().await.expect("the server answers");
    count > 0
}
