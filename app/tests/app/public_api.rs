//! The public API: operations of shoppers and operators.

use axum::body::Body;
use http::{Request, StatusCode};
use serde_json::{Value, json};

use crate::store::{Store, json_body};

#[tokio::test]
async fn a_shopper_finds_a_product_and_adds_a_cart_line() {
    let store = Store::empty().await;
    let client = store.client();
    let lantern = client.add_product("71053", "White metal lantern", "3.39").await;
    client.add_product("85123A", "Hanging heart", "2.55").await;

    let found = client.get("/api/v1/products?q=LANTERN").await;
    assert_eq!(found.body["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(found.body["items"][0]["id"], lantern);

    let cart = client.new_cart().await;
    let changed = client
        .put(&format!("{cart}/lines/{lantern}"), json!({ "quantity": 2 }))
        .await;
    assert_eq!(changed.status, StatusCode::OK);
    assert_eq!(changed.body["lines"][0]["sku"], "71053");
    assert_eq!(
        changed.body["lines"][0]["line_total"],
        json!({ "amount": "6.78", "currency": "GBP" })
    );
    assert_eq!(changed.body["total"]["amount"], "6.78");
    assert_eq!(client.get(&cart).await.body, changed.body);

    let emptied = client.delete(&format!("{cart}/lines/{lantern}")).await;
    assert_eq!(emptied.status, StatusCode::OK);
    assert_eq!(emptied.body["lines"], json!([]));
}

#[tokio::test]
async fn a_page_token_leads_to_the_next_page() {
    let store = Store::empty().await;
    let client = store.client();
    for sku in ["A1", "A2", "A3"] {
        client.add_product(sku, "Lamp", "1.00").await;
    }
    let first = client.get("/api/v1/products?page_size=2&q=").await;
    let token = first.text("next_page_token");
    let second = client
        .get(&format!("/api/v1/products?page_size=2&page_token={token}"))
        .await;
    let skus = |answer: &Value| -> Vec<String> {
        answer["items"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|item| item["sku"].to_string())
            .collect()
    };
    assert_eq!(
        [skus(&first.body), skus(&second.body)].concat(),
        ["\"A1\"", "\"A2\"", "\"A3\""]
    );
    assert!(second.body.get("next_page_token").is_none());
}

#[tokio::test]
async fn an_operator_adds_a_product_and_sets_its_price() {
    let store = Store::empty().await;
    let client = store.client();
    let id = client.add_product("71053", "White metal lantern", "3.39").await;
    let path = format!("/api/v1/admin/products/{id}/price");
    let priced = client.put(&path, json!({ "amount": "3.395", "currency": "GBP" })).await;
    assert_eq!(priced.status, StatusCode::OK);
    let product = client.get(&format!("/api/v1/products/{id}")).await;
    assert_eq!(product.body["price"]["amount"], "3.395");
    assert_eq!(product.body["status"], "active");
}

#[tokio::test]
async fn a_repeated_idempotency_key_returns_the_first_response_without_a_second_effect() {
    let store = Store::empty().await;
    let client = store.client();
    let create = |currency: &'static str| {
        let request = json_body(Request::post("/api/v1/carts"))
            .header("Idempotency-Key", "k1")
            .header("Cookie", "offshoot-client=00000000000000000000000000000001");
        client.send(request.body(Body::from(json!({ "currency": currency }).to_string())))
    };
    let (first, again) = (create("EUR").await, create("EUR").await);
    assert_eq!(first.status, StatusCode::CREATED);
    assert_eq!(first.body, again.body);
    let other = create("USD").await;
    assert_eq!(
        (other.status.as_u16(), other.text("code").as_str()),
        (422, "idempotency-key-reused")
    );
}

#[tokio::test]
async fn the_trace_of_a_request_is_continued_and_returned() {
    let store = Store::empty().await;
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let request =
        Request::get("/api/v1/products/nothing").header("traceparent", format!("00-{trace}-b7ad6b7169203331-01"));
    let answer = store.client().send(request.body(Body::empty())).await;
    assert_eq!(answer.header("offshoot-trace-id"), trace);
    assert_eq!(answer.text("trace_id"), trace);
}

#[tokio::test]
async fn the_page_at_the_root_is_html_or_json() {
    let store = Store::empty().await;
    let client = store.client();
    assert_eq!(client.get("/").await.header("content-type"), "text/html; charset=utf-8");
    let json = client
        .send(
            Request::get("/")
                .header("accept", "application/json")
                .body(Body::empty()),
        )
        .await;
    assert_eq!(json.body["modules"], json!([]));
}
