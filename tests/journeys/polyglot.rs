//! The protocol between modules as other languages see it: the conformance test of our own modules and of a catalog in
//! Python, and a store that sells the products of that catalog.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use offshoot_tests::{Client, Data, Engine, MODULES, Operator, Process, Shopper};
use serde_json::{Value, json};

use super::subscriptions::{wait_for_body, wait_until_subscriptions_catch_up};

on_both_engines! {
    every_module_follows_the_protocol_in_a_process_of_its_own,
}

async fn every_module_follows_the_protocol_in_a_process_of_its_own(engine: Engine) {
    let data = Data::new(engine).await;
    let catalog = data.serve(&["--only", "catalog"]).await;
    let remote = format!("catalog={}", catalog.url());
    let others: Vec<_> = MODULES.into_iter().filter(|module| *module != "catalog").collect();
    let others = data.serve(&["--only", &others.join(","), "--remote", &remote]).await;
    others.wait_until_ready().await;
    // The first calls add the data that the events of the others are about.
    let report = test(&data, catalog.url(), &["--writes"]).await;
    assert_eq!(names(&report, "unchecked"), [""; 0], "{report:#}");
    wait_until_subscriptions_catch_up(&data).await;
    test(&data, catalog.url(), &[]).await;
    let reports = run_test(&data, others.url(), &[]).await;
    let tested: Vec<_> = reports
        .iter()
        .map(|report| report["module"].as_str().unwrap_or_default())
        .collect();
    assert_eq!(
        tested,
        MODULES
            .into_iter()
            .filter(|module| *module != "catalog")
            .collect::<Vec<_>>()
    );
    others.stop().await;
    catalog.stop().await;
}

#[tokio::test]
async fn a_catalog_in_python_follows_the_protocol_and_sells() {
    let data = Data::new(Engine::Sqlite).await;
    write_key(&data);
    let catalog = serve_in_python(&data, "0").await;
    let report = test(&data, catalog.url(), &["--module", "catalog", "--writes"]).await;
    assert_eq!(names(&report, "unchecked"), [""; 0], "{report:#}");

    let remote = format!("catalog={}", catalog.url());
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../app/import/sample/online-retail-small.csv");
    let sample = sample.to_str().expect("the path is UTF-8");
    let import = ["import", "online-retail", sample, "--remote", &remote];
    // The directory has data of its own by then, and takes no unknown store without a person.
    let refused = data.run_command(&import).await;
    record_store(&refused.stderr);
    data.run_command(&import).await.expect_success();
    let front = data.serve(&["--remote", &remote]).await;
    front.wait_until_ready().await;
    buy_and_return(&front, &data).await;
    wait_until_carts_have_what_the_storefront_shows(&front, &data).await;
    // The log has the events of the sample by now.
    test(&data, catalog.url(), &["--module", "catalog"]).await;

    let port = catalog.address().rsplit(':').next().unwrap_or_default().to_owned();
    sell_while_the_catalog_is_away(&front, &data, catalog, &port).await;
    front.stop().await;
}

/// Carries out the command of an error that names the store of the catalog: "echo ID > FILE".
fn record_store(error: &str) {
    let (_, command) = error.split_once("run `echo ").expect("the error names a command");
    let (command, _) = command.split_once('`').expect("the command ends");
    let (store, file) = command.split_once(" > ").expect("the command writes a file");
    std::fs::write(file, store).expect("the file can be written");
}

/// The journey of a shopper, with products that only the catalog in Python has.
async fn buy_and_return(front: &Process, data: &Data) {
    let client = Client::new(front.url());
    let (shopper, operator) = (
        Shopper::new(client.clone()),
        Operator::new(client.clone().with_token(data.operator_token())),
    );
    let found = shopper.browse("q=white+lantern").await;
    assert_eq!(found["items"][0]["name"], "WHITE METAL LANTERN", "{found}");
    let product = found["items"][0]["id"]
        .as_str()
        .expect("a product has an id")
        .to_owned();
    assert_eq!(shopper.product(&product).await["sku"], "71053");
    let page = shopper.browse("page_size=100").await;
    let token = page["next_page_token"]
        .as_str()
        .expect("the sample has more than 100 products");
    let next = shopper.browse(&format!("page_size=100&page_token={token}")).await;
    assert!(
        next["items"][0]["sku"].as_str() > page["items"][99]["sku"].as_str(),
        "{next}"
    );

    let cart = shopper.create_cart().await;
    operator.set_price(&product, "3.50").await;
    let filled = shopper.set_quantity(&cart, &product, 2).await;
    assert_eq!(filled["total"], json!({ "amount": "7.00", "currency": "GBP" }));
    operator.receive_stock(&product, 5).await;
    let before = shopper.stock(&product).await;
    let order = shopper.buy(&cart).await;
    let id = order["id"].as_str().expect("an order has an id");
    assert_eq!(shopper.stock(&product).await[0], before[0] - 2);
    shopper.return_line(id, 1, 1).await;
    shopper.cancel(id).await;
    assert_eq!(shopper.order(id).await["total"], order["total"]);

    // The catalog's events reach their subscribers through the feed in Python.
    wait_for_body(&client, &format!("/api/v1/storefront/products/{product}"), |shown| {
        shown["price"]["amount"] == "3.50" && shown["available"] == before[0]
    })
    .await;
    let added = operator.add_product("PY-1", "Paper snake", "1.25").await;
    wait_for_body(&client, &format!("/api/v1/storefront/products/{added}"), |shown| {
        shown["name"] == "Paper snake"
    })
    .await;
}

/// Waits until both subscribers of the catalog are at the same position of the log.
async fn wait_until_carts_have_what_the_storefront_shows(front: &Process, data: &Data) {
    let positions = async || {
        let status = data.run_command(&["events", "status", "--json"]).await.expect_success();
        let status: Value = serde_json::from_str(&status.stdout).expect("stdout is JSON");
        let subscriptions = status["subscriptions"].as_array().into_iter().flatten();
        let of_catalog = subscriptions.filter(|partition| partition["module"] == "catalog");
        of_catalog
            .filter_map(|partition| partition["position"].as_i64())
            .collect::<Vec<_>>()
    };
    front
        .wait_until(
            "does not deliver the events of the catalog",
            async || matches!(positions().await[..], [carts, storefront] if carts == storefront && carts > 0),
        )
        .await;
}

/// Carts show copies of the products while the catalog is away, and current ones once the catalog is back.
async fn sell_while_the_catalog_is_away(front: &Process, data: &Data, catalog: Process, port: &str) {
    let shopper = Shopper::new(Client::new(front.url()));
    let found = shopper.browse("q=snake").await;
    let product = found["items"][0]["id"]
        .as_str()
        .expect("a product has an id")
        .to_owned();
    let cart = shopper.create_cart().await;
    let before = shopper.set_quantity(&cart, &product, 3).await;
    catalog.stop().await;
    let meanwhile = shopper.cart(&cart).await;
    assert!(meanwhile["prices_as_of"].is_string(), "{meanwhile}");
    assert_eq!(meanwhile["lines"], before["lines"]);
    let catalog = serve_in_python(data, port).await;
    front.wait_until_ready().await;
    front
        .wait_until("shows no current prices", async || shopper.cart(&cart).await == before)
        .await;
    catalog.stop().await;
}

/// The service key that the processes share; the first start of a store would make one.
fn write_key(data: &Data) {
    let file = data.folder().join("service.key");
    fs::write(&file, "5e".repeat(32)).expect("the data directory is writable");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("the file is ours");
}

async fn serve_in_python(data: &Data, port: &str) -> Process {
    let path = |name: &str| {
        let path = data.folder().join(name);
        path.to_str().expect("temporary folders have UTF-8 names").to_owned()
    };
    let document = data
        .run_command(&["contract", "openapi", "catalog"])
        .await
        .expect_success();
    fs::write(path("catalog.json"), document.stdout).expect("the data directory is writable");
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("polyglot/catalog.py");
    let program = program.to_str().expect("the path is UTF-8");
    let (document, keys, file) = (path("catalog.json"), path("service.key"), path("python.sqlite"));
    let arguments = [
        "-B",
        program,
        "--document",
        &document,
        "--keys",
        &keys,
        "--data",
        &file,
        "--port",
        port,
    ];
    Process::start_program("python3", &arguments, data.folder().join("python.log")).await
}

/// The reports of all tested modules. Panics unless the server conforms.
async fn run_test(data: &Data, url: &str, arguments: &[&str]) -> Vec<Value> {
    let arguments = [&["contract", "test", url, "--json"], arguments].concat();
    let output = data.run_command(&arguments).await;
    assert_eq!(output.code, Some(0), "{}{}", output.stdout, output.stderr);
    let reports: Value = serde_json::from_str(&output.stdout).expect("stdout is JSON");
    let reports = reports.as_array().expect("the result is a list").clone();
    for report in &reports {
        assert_eq!(names(report, "deviations"), [""; 0], "{report:#}");
        assert!(
            report["passed"].as_array().is_some_and(|passed| passed.len() > 50),
            "{report:#}"
        );
    }
    reports
}

/// The report of the only tested module.
async fn test(data: &Data, url: &str, arguments: &[&str]) -> Value {
    let mut reports = run_test(data, url, arguments).await;
    assert_eq!(reports.len(), 1);
    reports.remove(0)
}

fn names<'a>(report: &'a Value, list: &str) -> Vec<&'a str> {
    let entries = report[list].as_array().into_iter().flatten();
    let unchecked_by_choice = "needs a call with an effect";
    let is_surprise = |entry: &&Value| {
        !entry["reason"]
            .as_str()
            .unwrap_or_default()
            .starts_with(unchecked_by_choice)
    };
    entries
        .filter(is_surprise)
        .filter_map(|entry| entry["vector"].as_str())
        .collect()
}
