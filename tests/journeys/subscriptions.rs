//! Subscriptions between modules: a change reaches every projection soon, and projections answer while the publisher is
//! away.

use std::time::{Duration, Instant};

use offshoot_tests::{Client, Data, Engine, Operator, Store};
use serde_json::{Value, json};

in_every_placement! {
    a_sale_reaches_every_subscriber,
}

on_both_engines! {
    without_the_catalog_the_store_shows_and_sells_projected_products,
}

/// Longer than any wait here takes on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Polls `path` until the response has status 200 and `holds` accepts the body. Returns the body.
pub(super) async fn wait_for_body(client: &Client, path: &str, holds: impl Fn(&Value) -> bool) -> Value {
    let give_up = Instant::now() + TIMEOUT;
    loop {
        let response = client.get(path).await;
        if response.status == 200 {
            let body = response.expect(200);
            if holds(&body) {
                return body;
            }
            assert!(Instant::now() < give_up, "{path} stays at {body}");
        }
        assert!(
            Instant::now() < give_up,
            "{path} does not answer 200: {}",
            response.text
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until every subscription has handled every published event.
pub(super) async fn wait_until_subscriptions_catch_up(data: &Data) {
    let give_up = Instant::now() + TIMEOUT;
    loop {
        let status = data
            .run_command(&["events", "status", "--json"])
            .await
            .expect_success()
            .stdout;
        let status: Value = serde_json::from_str(&status).expect("stdout is JSON");
        let subscriptions = status["subscriptions"].as_array().expect("subscriptions are a list");
        let is_current = |partition: &Value| {
            partition["lag"] == 0 && partition["lag_is_exact"] == true && !partition["current_at"].is_null()
        };
        let names: std::collections::BTreeSet<_> = subscriptions
            .iter()
            .map(|partition| partition["subscription"].as_str())
            .collect();
        if names.len() == 5 && subscriptions.iter().all(is_current) {
            return;
        }
        assert!(Instant::now() < give_up, "{status}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn a_sale_reaches_every_subscriber(store: Store) -> Store {
    let (operator, shopper, client) = (store.operator(), store.shopper(), store.client());
    let product = operator.add_product("L-1", "Tin lantern", "2.50").await;
    operator.receive_stock(&product, 10).await;
    let cart = shopper.create_cart().await;
    shopper.set_quantity(&cart, &product, 4).await;
    let order = shopper.buy(&cart).await;
    let id = order["id"].as_str().expect("an order has an id").to_owned();
    shopper.return_line(&id, 1, 1).await;

    let listed = wait_for_body(&client, "/api/v1/storefront/products?in_stock=true", |page| {
        page["items"][0]["available"] == 7
    })
    .await;
    assert_eq!(listed["items"][0]["product_id"], json!(product));
    assert_eq!(listed["items"][0]["price"]["amount"], "2.50");
    let shown = client
        .get(&format!("/api/v1/storefront/products/{product}"))
        .await
        .expect(200);
    assert_eq!(shown, listed["items"][0]);
    wait_for_body(&client, "/api/v1/storefront/products", |page| {
        let freshness = &page["freshness"];
        freshness["products_current_at"].is_string() && freshness["stock_current_at"].is_string()
    })
    .await;

    let notices = wait_for_body(&client, &format!("/api/v1/orders/{id}/notices"), |page| {
        page["items"].as_array().map(Vec::len) == Some(2)
    })
    .await;
    let subjects: Vec<_> = (0..2)
        .map(|index| notices["items"][index]["subject"].as_str())
        .collect();
    assert!(
        subjects[0].is_some_and(|text| text.contains("is confirmed: 10.00 GBP")),
        "{subjects:?}"
    );
    assert!(
        subjects[1].is_some_and(|text| text.contains("2.50 GBP refunded")),
        "{subjects:?}"
    );

    client
        .json("POST", "/api/v1/reports/query", &json!({}))
        .await
        .expect_problem(401, "unauthenticated");
    let question = json!({ "dimensions": ["product"], "measures": ["orders", "units", "net"], "currency": "GBP" });
    let give_up = Instant::now() + TIMEOUT;
    loop {
        let report = store
            .operator_client()
            .json("POST", "/api/v1/reports/query", &question)
            .await
            .expect(200);
        let row = json!({ "product": "L-1", "orders": 1, "units": 3, "net": { "amount": "7.50", "currency": "GBP" } });
        if report["rows"] == json!([row]) {
            break;
        }
        assert!(Instant::now() < give_up, "{report}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(operator.revenue().await[0]["net"]["amount"], "7.50");
    store
}

async fn without_the_catalog_the_store_shows_and_sells_projected_products(engine: Engine) {
    let data = Data::new(engine).await;
    let catalog = data.serve(&["--only", "catalog"]).await;
    let address = catalog.address().to_owned();
    let front = data.serve(&["--remote", &format!("catalog={}", catalog.url())]).await;
    front.wait_until_ready().await;
    let client = Client::new(front.url()).with_token(data.operator_token());
    let operator = Operator::new(Client::new(front.url()).with_token(data.operator_token()));
    let product = operator.add_product("L-1", "Tin lantern", "2.50").await;
    operator.receive_stock(&product, 10).await;
    let cart = client.send(client.request("POST", "/api/v1/carts")).await;
    let cart = cart.header("location").to_owned();
    wait_until_subscriptions_catch_up(&data).await;

    catalog.kill().await;
    client.get("/api/v1/products").await.expect_problem(503, "unavailable");
    let listed = client.get("/api/v1/storefront/products").await.expect(200);
    assert_eq!(listed["items"][0]["available"], 10);
    let line = format!("{cart}/lines/{product}");
    let filled = client.json("PUT", &line, &json!({ "quantity": 4 })).await.expect(200);
    assert_eq!(filled["total"]["amount"], "10.00");
    assert!(filled["prices_as_of"].is_string(), "{filled}");
    let card = json!({ "payment_token": "tok_visa", "email": "ada@example.com" });
    let order = client
        .json("POST", &format!("{cart}/checkout"), &card)
        .await
        .expect(201);
    assert_eq!(order["status"], "confirmed");
    wait_for_body(&client, "/api/v1/storefront/products", |page| {
        page["items"][0]["available"] == 6
    })
    .await;

    let catalog = data.serve(&["--only", "catalog", "--listen", &address]).await;
    front.wait_until_ready().await;
    wait_for_body(&client, &cart, |cart| cart.get("prices_as_of").is_none()).await;
    front.stop().await;
    catalog.stop().await;
}
