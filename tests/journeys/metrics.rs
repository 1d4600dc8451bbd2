//! Figures of a running store: each gauge of `/metrics` moves with the state that the gauge is about.

use offshoot_tests::{Client, Data, Engine, Operator, Process, free_address};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection};

use super::crash_points::{ShopFixture, payment};
use super::events::insert_malformed_event;
use super::subscriptions::wait_until_subscriptions_catch_up;

on_both_engines! {
    events_that_are_not_handled_are_seen,
    open_and_stuck_sagas_and_open_circuits_are_seen,
    a_pool_in_use_is_seen,
}

/// The metrics at the main address, for an operator: the address also serves shoppers.
pub(super) async fn scrape(data: &Data, url: &str) -> String {
    let operator = Client::new(url).with_token(data.operator_token());
    operator.get("/metrics").await.text
}

/// The value of the metric with all these labels; `None` if there is no such line.
async fn metric(data: &Data, url: &str, name: &str, labels: &[(&str, &str)]) -> Option<i64> {
    let text = scrape(data, url).await;
    let labels: Vec<_> = labels
        .iter()
        .map(|(label, value)| format!("{label}=\"{value}\""))
        .collect();
    let line = text.lines().find(|line| {
        let is_named = line.strip_prefix(name).is_some_and(|rest| rest.starts_with('{'));
        is_named && labels.iter().all(|label| line.contains(label))
    });
    line?.rsplit(' ').next()?.parse().ok()
}

async fn wait_for(data: &Data, store: &Process, name: &str, labels: &[(&str, &str)], wanted: impl Fn(i64) -> bool) {
    let is_wanted = async || metric(data, store.url(), name, labels).await.is_some_and(&wanted);
    store
        .wait_until(&format!("{name} {labels:?} is not as wanted"), is_wanted)
        .await;
}

/// Executes a statement on the data of a module, beside the running processes. `{module}` stands for the schema on Postgres.
pub(super) async fn execute(data: &Data, module: &str, sql: &str) {
    match data.database() {
        Some(url) => {
            let sql = sql.replace("{module}", &format!("{module}."));
            let mut connection = PgConnection::connect(url).await.expect("Postgres answers");
            let executed = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await;
            executed.expect("the statement succeeds");
        }
        None => {
            let mut connection = connect_file(data, module).await;
            let sql = sql.replace("{module}", "");
            let executed = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await;
            executed.expect("the statement succeeds");
        }
    }
}

pub(super) async fn connect_file(data: &Data, module: &str) -> SqliteConnection {
    let url = format!("sqlite:{}", data.folder().join(format!("{module}.db")).display());
    SqliteConnection::connect(&url).await.expect("the database file opens")
}

/// Labels of the storefront's subscription to the catalog.
const PRODUCTS: [(&str, &str); 3] = [
    ("module", "storefront"),
    ("subscription", "storefront-products"),
    ("publisher", "catalog"),
];

async fn wait_for_products(data: &Data, store: &Process, figure: &str, wanted: impl Fn(i64) -> bool) {
    let name = format!("offshoot_subscription_{figure}");
    wait_for(data, store, &name, &PRODUCTS, wanted).await;
}

async fn events_that_are_not_handled_are_seen(engine: Engine) {
    let data = Data::new(engine).await;
    let store = data.serve(&[]).await;
    store.wait_until_ready().await;
    for figure in ["lag", "parked", "dead_letters", "held", "oldest_age_seconds"] {
        wait_for_products(&data, &store, figure, |value| value == 0).await;
    }
    insert_malformed_event(&data).await;
    wait_for_products(&data, &store, "parked", |value| value == 1).await;
    wait_for_products(&data, &store, "oldest_age_seconds", |age| age > 0).await;

    // Each statement again, because a retry at the same moment writes the row again.
    let is_after = async |statement: &str, dead_letters: i64| {
        execute(&data, "storefront", statement).await;
        let name = "offshoot_subscription_dead_letters";
        metric(&data, store.url(), name, &PRODUCTS).await == Some(dead_letters)
            && metric(&data, store.url(), "offshoot_subscription_parked", &PRODUCTS).await == Some(0)
    };
    let exhausted = "UPDATE {module}offshoot_parked SET attempts = 8, due_at = NULL";
    let is_dead = async || is_after(exhausted, 1).await;
    store.wait_until("no dead letter is seen", is_dead).await;
    let is_gone = async || is_after("DELETE FROM {module}offshoot_parked", 0).await;
    store.wait_until("the dead letter is still seen", is_gone).await;
    wait_for_products(&data, &store, "oldest_age_seconds", |age| age == 0).await;

    // A subscription holds when the publisher's log is another one.
    let replaced = match engine {
        Engine::Sqlite => "UPDATE {module}offshoot_log SET log_id = randomblob(16)",
        Engine::Postgres => "UPDATE {module}offshoot_log SET log_id = gen_random_uuid()",
    };
    execute(&data, "catalog", replaced).await;
    wait_for_products(&data, &store, "held", |value| value == 1).await;
    let operator = Operator::new(Client::new(store.url()).with_token(data.operator_token()));
    operator.add_product("NEW", "Brass lamp", "2.50").await;
    operator.add_product("NEWER", "Brass lamp", "2.50").await;
    wait_for_products(&data, &store, "lag", |value| value == 2).await;
    let rebuilt = data.run_command(&["events", "rebuild", "storefront-products"]).await;
    rebuilt.expect_success();
    wait_for_products(&data, &store, "lag", |value| value == 0).await;
    wait_for_products(&data, &store, "held", |value| value == 0).await;
    store.stop().await;
}

async fn open_and_stuck_sagas_and_open_circuits_are_seen(engine: Engine) {
    let shop = ShopFixture::new(engine).await;
    let away = format!("http://{}", free_address());
    let remote = format!("payments={away}");
    let sweeps = [("OFFSHOOT__ORDERS__SWEEP_EVERY", "100ms")];
    let store = shop.data.serve_with(&sweeps, &["--remote", &remote]).await;
    let labels = [("module", "orders"), ("saga", "checkout")];
    wait_for(&shop.data, &store, "offshoot_sagas_open", &labels, |value| value == 0).await;
    wait_for(
        &shop.data,
        &store,
        "offshoot_sagas_open",
        &[("saga", "return")],
        |value| value == 0,
    )
    .await;
    let client = Client::new(store.url());
    let path = shop.cart_checkout_path(&client).await;
    client.json("POST", &path, &payment("tok_visa")).await.expect(202);
    wait_for(&shop.data, &store, "offshoot_sagas_open", &labels, |value| value == 1).await;
    wait_for(&shop.data, &store, "offshoot_sagas_stuck", &labels, |value| value == 0).await;

    // The resumed saga calls the payments until their circuit opens.
    let circuit = |state| [("module", "payments"), ("url", away.as_str()), ("state", state)];
    wait_for(
        &shop.data,
        &store,
        "offshoot_endpoint_circuit",
        &circuit("closed"),
        |value| value == 0,
    )
    .await;
    wait_for(
        &shop.data,
        &store,
        "offshoot_endpoint_ejected",
        &circuit("closed")[..2],
        |value| value == 1,
    )
    .await;
    let states = ["open", "half-open"].map(circuit);
    let is_open = async || {
        let open = metric(&shop.data, store.url(), "offshoot_endpoint_circuit", &states[0]).await;
        open == Some(1) || metric(&shop.data, store.url(), "offshoot_endpoint_circuit", &states[1]).await == Some(1)
    };
    store.wait_until("the circuit is not open", is_open).await;

    let stuck = "UPDATE {module}offshoot_sagas SET state = 'stuck', due_at = NULL";
    execute(&shop.data, "orders", stuck).await;
    wait_for(&shop.data, &store, "offshoot_sagas_stuck", &labels, |value| value == 1).await;
    store.stop().await;
}

async fn a_pool_in_use_is_seen(engine: Engine) {
    let shop = ShopFixture::new(engine).await;
    let data = &shop.data;
    // One connection for each of the eight modules.
    let store = data.serve_with(&[("OFFSHOOT__POSTGRES__CONNECTIONS", "8")], &[]).await;
    store.wait_until_ready().await;
    let pool = match engine {
        Engine::Sqlite => "writer",
        Engine::Postgres => "postgres",
    };
    let labels = [("module", "carts"), ("pool", pool)];
    wait_for(data, &store, "offshoot_pool_size", &labels, |value| value == 1).await;
    wait_for(data, &store, "offshoot_pool_waiting", &labels, |value| value == 0).await;
    wait_for(data, &store, "offshoot_pool_idle", &labels, |value| value == 1).await;

    // Another program holds a lock that writes of carts need.
    let client = Client::new(store.url());
    let holds = async || {
        wait_for(data, &store, "offshoot_pool_in_use", &labels, |value| value == 1).await;
        wait_for(data, &store, "offshoot_pool_waiting", &labels, |value| value >= 1).await;
    };
    let create = async || client.send(client.request("POST", "/api/v1/carts")).await;
    match data.database() {
        Some(url) => {
            let mut holder = PgConnection::connect(url).await.expect("Postgres answers");
            let lock = sqlx::raw_sql("BEGIN; LOCK TABLE carts.carts IN ACCESS EXCLUSIVE MODE");
            lock.execute(&mut holder).await.expect("the table is free");
            tokio::select! {
                () = holds() => {}
                answers = async { tokio::join!(create(), create(), create()) } => panic!("nothing waits: {answers:?}"),
            }
        }
        None => {
            let mut holder = connect_file(data, "carts").await;
            let lock = sqlx::raw_sql("BEGIN IMMEDIATE");
            lock.execute(&mut holder).await.expect("no transaction is long");
            tokio::select! {
                () = holds() => {}
                answers = async { tokio::join!(create(), create(), create()) } => panic!("nothing waits: {answers:?}"),
            }
        }
    }
    // The lock ended with its connection.
    wait_for(data, &store, "offshoot_pool_waiting", &labels, |value| value == 0).await;
    wait_for(data, &store, "offshoot_writable", &labels[..1], |value| value == 1).await;
    wait_until_subscriptions_catch_up(data).await;
    store.stop().await;
}
