//! Module isolation on Postgres: each module can access only its own rows. Also covers modules on several databases and
//! engines.

use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use offshoot::wiring::schemas;
use offshoot_db::Engine::Postgres;
use offshoot_testkit::intruder;
use offshoot_tests::{Data, MODULES, Placement, Store, create_database};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use super::is_available;

const PASSWORD: &str = "known to this test";

/// Provisions a login per module. Returns the data and the database URL.
pub(super) async fn provision_logins() -> (Data, String) {
    let data = Data::new(Postgres).await;
    let file = write_password_file(&data);
    let arguments = ["db", "provision", "--logins", "--own-database", "--passwords"];
    let file = file.to_str().expect("the path is UTF-8");
    data.run_command(&[&arguments[..], &[file]].concat())
        .await
        .expect_success();
    let url = data.database().expect("it is on Postgres").to_owned();
    (data, url)
}

/// Writes a password file that sets one password for every login.
fn write_password_file(data: &Data) -> PathBuf {
    use std::io::Write as _;
    let path = data.folder().join("passwords");
    let mut options = std::fs::OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(&path);
    let line = format!("*:*:*:*:{PASSWORD}\n");
    file.and_then(|mut file| file.write_all(line.as_bytes()))
        .expect("the password file is written");
    path
}

/// Changes a database URL so that each module uses the module's own login.
fn with_module_logins(url: &str) -> String {
    url.replace("//postgres@", "//{module}@")
}

async fn execute_as_superuser(url: &str, sql: &str) {
    let mut connection = PgConnection::connect(url).await.expect("Postgres answers");
    let done = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(&mut connection)
        .await;
    done.expect("the test's SQL succeeds");
    connection.close().await.expect("Postgres answers");
}

fn modules() -> Vec<&'static str> {
    schemas().iter().map(|schema| schema.module).collect()
}

#[tokio::test]
async fn no_module_can_access_rows_of_another_module() {
    if !is_available(Postgres) {
        return;
    }
    assert_eq!(modules(), MODULES);
    let (_data, url) = provision_logins().await;
    let found = intruder::find_breaches(&url, &modules(), PASSWORD).await;
    assert!(found.is_empty(), "{} breaches:\n{}", found.len(), found.join("\n"));
}

/// The twin of the test above: each kind of superfluous grant is reported.
#[tokio::test]
async fn a_superfluous_grant_is_reported() {
    if !is_available(Postgres) {
        return;
    }
    let (_data, url) = provision_logins().await;
    let planted = "GRANT USAGE ON SCHEMA payments TO carts; GRANT SELECT ON payments.payments TO carts; \
                   GRANT USAGE ON SCHEMA catalog TO orders; GRANT INSERT ON catalog.products TO orders; \
                   GRANT DELETE ON inventory.offshoot_owner TO inventory; \
                   ALTER FUNCTION orders.offshoot_begin(bytea, bigint) OWNER TO orders";
    execute_as_superuser(&url, planted).await;
    let found = intruder::find_breaches(&url, &modules(), PASSWORD).await;
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
            "{breach} is missing in:\n{}",
            found.join("\n")
        );
    }
    assert!(
        !found.iter().any(|found| found.starts_with("payments: ")),
        "payments have no planted grant, but a breach:\n{}",
        found.join("\n")
    );
}

#[tokio::test]
async fn modules_with_their_own_logins_sell_without_an_isolation_warning() {
    if !is_available(Postgres) {
        return;
    }
    for placement in [Placement::OneProcess, Placement::ModulePerProcess] {
        let (data, url) = provision_logins().await;
        let data = data
            .with_database(with_module_logins(&url))
            .with_environment("OFFSHOOT__POSTGRES__ISOLATION", "require");
        let store = Store::start(placement, data).await;
        assert_sells(&store).await;
        let data = store.stop().await;
        assert!(
            !data.log_text().contains("does not enforce isolation"),
            "{}",
            data.log_text()
        );
    }
}

#[tokio::test]
async fn a_store_spans_several_databases_and_both_engines() {
    if !is_available(Postgres) {
        return;
    }
    let [first, second] = [create_database().await, create_database().await];
    let data = Data::new(offshoot_tests::Engine::Sqlite)
        .await
        .with_environment("OFFSHOOT__MODULES__INVENTORY__DATABASE", first.url())
        .with_environment("OFFSHOOT__MODULES__ORDERS__DATABASE", second.url())
        // Two modules share one database, one module has another database, the other modules use files.
        .with_environment("OFFSHOOT__MODULES__CARTS__DATABASE", first.url());
    let refused = data.run_command(&["serve", "--listen", "127.0.0.1:0"]).await;
    refused.expect_error(1, &["offshoot db migrate"]);
    data.run_command(&["db", "migrate"]).await.expect_success();
    assert!(!has_orders(second.url()).await);
    let store = Store::start(Placement::OneProcess, data).await;
    assert_sells(&store).await;
    let store = store.restart().await;
    let files = database_files(&store);
    // The other modules have files.
    let on_postgres = ["carts", "inventory", "orders"];
    let in_files = MODULES.into_iter().filter(|module| !on_postgres.contains(module));
    let mut expected: Vec<_> = in_files.map(|module| format!("{module}.db")).collect();
    expected.sort();
    assert_eq!(files, expected);
    assert!(has_orders(second.url()).await);
    store.stop().await;
}

/// Buys a cart and checks that the units left the stock.
async fn assert_sells(store: &Store) {
    let (operator, shopper) = (store.operator(), store.shopper());
    let product = operator.add_product("L-1", "Tin lantern", "2.50").await;
    operator.receive_stock(&product, 10).await;
    let cart = shopper.create_cart().await;
    shopper.set_quantity(&cart, &product, 4).await;
    let order = shopper.buy(&cart).await;
    assert_eq!(order["total"]["amount"], "10.00");
    assert_eq!(shopper.stock(&product).await, [6, 0, 6]);
}

fn database_files(store: &Store) -> Vec<String> {
    let entries = std::fs::read_dir(store.data().folder()).expect("the data directory is readable");
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut files: Vec<_> = names.filter(|name| name.ends_with(".db")).collect();
    files.sort();
    files
}

async fn has_orders(url: &str) -> bool {
    let mut connection = PgConnection::connect(url).await.expect("Postgres answers");
    let (count,): (i64,) = sqlx::query_as("SELECT count(*) FROM orders.orders")
        .fetch_one(&mut connection)
        .await
        .expect("the orders table is readable");
    connection.close().await.expect("Postgres answers");
    count > 0
}
