//! What modules hear of each other: what one has changed is seen in the others' copies soon, and asked there while it is
//! away.

use std::time::{Duration, Instant};

use offshoot_tests::{Client, Data, Engine, Operator, Store};
use serde_json::{Value, json};

everywhere! {
    what_is_sold_is_seen_by_all_who_hear_of_it,
}

on_both_engines! {
    without_its_catalog_the_store_shows_and_sells_what_it_knows,
}

/// Longer than anything here takes on a machine that does other work.
const PATIENCE: Duration = Duration::from_secs(60);

/// Asks until the answer is as it should be.
pub(super) async fn until(client: &Client, path: &str, holds: impl Fn(&Value) -> bool) -> Value {
    let give_up = Instant::now() + PATIENCE;
    loop {
        let answer = client.get(path).await;
        if answer.status == 200 {
            let body = answer.expect(200);
            if holds(&body) {
                return body;
            }
            assert!(Instant::now() < give_up, "{path} stays at {body}");
        }
        assert!(Instant::now() < give_up, "{path} is not answered: {}", answer.text);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until every subscription has handled all that was announced.
pub(super) async fn all_is_heard(data: &Data) {
    let give_up = Instant::now() + PATIENCE;
    loop {
        let status = data.run(&["events", "status", "--json"]).await.expect_success().stdout;
        let status: Value = serde_json::from_str(&status).expect("it is JSON");
        let subscriptions = status["subscriptions"].as_array().expect("subscriptions");
        let is_done = |one: &Value| one["lag"] == 0 && !one["current_at"].is_null();
        let readers: std::collections::BTreeSet<_> =
            subscriptions.iter().map(|one| one["subscription"].as_str()).collect();
        if readers.len() == 5 && subscriptions.iter().all(is_done) {
            return;
        }
        assert!(Instant::now() < give_up, "{status}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn what_is_sold_is_seen_by_all_who_hear_of_it(store: Store) -> Store {
    let (operator, shopper, client) = (store.operator(), store.shopper(), store.client());
    let product = operator.add("L-1", "Tin lantern", "2.50").await;
    operator.receive(&product, 10).await;
    let cart = shopper.take_cart().await;
    shopper.put(&cart, &product, 4).await;
    let order = shopper.buy(&cart).await;
    let id = order["id"].as_str().expect("an id").to_owned();
    shopper.send_back(&id, 1, 1).await;

    let listed = until(&client, "/api/v1/storefront/products?in_stock=true", |page| {
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
    until(&client, "/api/v1/storefront/products", |page| {
        let freshness = &page["freshness"];
        freshness["products_current_at"].is_string() && freshness["stock_current_at"].is_string()
    })
    .await;

    let notices = until(&client, &format!("/api/v1/orders/{id}/notices"), |page| {
        page["items"].as_array().map(Vec::len) == Some(2)
    })
    .await;
    let told: Vec<_> = (0..2)
        .map(|place| notices["items"][place]["subject"].as_str())
        .collect();
    assert!(
        told[0].is_some_and(|text| text.contains("is confirmed: 10.00 GBP")),
        "{told:?}"
    );
    assert!(
        told[1].is_some_and(|text| text.contains("2.50 GBP is given back")),
        "{told:?}"
    );

    let question = json!({ "dimensions": ["product"], "measures": ["orders", "units", "net"], "currency": "GBP" });
    let give_up = Instant::now() + PATIENCE;
    loop {
        let report = client
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

async fn without_its_catalog_the_store_shows_and_sells_what_it_knows(engine: Engine) {
    let data = Data::new(engine).await;
    let catalog = data.serve(&["--only", "catalog"]).await;
    let address = catalog.address().to_owned();
    let front = data.serve(&["--remote", &format!("catalog={}", catalog.url())]).await;
    front.ready().await;
    let client = Client::new(front.url()).with_token(data.operator_token());
    let operator = Operator::new(Client::new(front.url()).with_token(data.operator_token()));
    let product = operator.add("L-1", "Tin lantern", "2.50").await;
    operator.receive(&product, 10).await;
    let cart = client.send(client.request("POST", "/api/v1/carts")).await;
    let cart = cart.header("location").to_owned();
    all_is_heard(&data).await;

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
    until(&client, "/api/v1/storefront/products", |page| {
        page["items"][0]["available"] == 6
    })
    .await;

    let catalog = data.serve(&["--only", "catalog", "--listen", &address]).await;
    front.ready().await;
    until(&client, &cart, |cart| cart.get("prices_as_of").is_none()).await;
    front.stop().await;
    catalog.stop().await;
}
