//! Idempotency keys of the public API: a repeated request gets the first response and has no second effect.

use offshoot_tests::{Client, Response, Store};
use serde_json::{Value, json};

in_every_placement! {
    a_repeat_under_the_same_key_gets_the_recorded_response,
    a_key_reused_for_another_request_is_refused,
    recorded_responses_survive_a_restart,
}

async fn a_repeat_under_the_same_key_gets_the_recorded_response(store: Store) -> Store {
    let client = store.client();
    let first = post(&client, "/api/v1/carts", "cart", &json!({})).await;
    let again = post(&client, "/api/v1/carts", "cart", &json!({})).await;
    assert_eq!(first.expect(201), again.expect(201));
    assert_eq!(first.header("location"), again.header("location"));
    let other = post(&client, "/api/v1/carts", "another-cart", &json!({})).await;
    assert_ne!(first.expect(201), other.expect(201));

    let client = store.operator_client();
    let lantern = lantern("2.55");
    let first = post(&client, "/api/v1/admin/products", "product", &lantern)
        .await
        .expect(201);
    let again = post(&client, "/api/v1/admin/products", "product", &lantern)
        .await
        .expect(201);
    assert_eq!(first, again);
    post(&client, "/api/v1/admin/products", "new-key", &lantern)
        .await
        .expect_problem(409, "duplicate-sku");
    store
}

async fn a_key_reused_for_another_request_is_refused(store: Store) -> Store {
    let client = store.operator_client();
    let first = post(&client, "/api/v1/admin/products", "product", &lantern("2.55"))
        .await
        .expect(201);
    let reused = post(&client, "/api/v1/admin/products", "product", &lantern("3.00")).await;
    reused.expect_problem(422, "idempotency-key-reused");
    let id = first["id"].as_str().expect("a product has an id");
    assert_eq!(store.shopper().product(id).await["price"]["amount"], "2.55");
    store
}

async fn recorded_responses_survive_a_restart(store: Store) -> Store {
    let first = post(&store.client(), "/api/v1/carts", "cart", &json!({}))
        .await
        .expect(201);
    let store = store.restart().await;
    let again = post(&store.client(), "/api/v1/carts", "cart", &json!({}))
        .await
        .expect(201);
    assert_eq!(first, again);
    store
}

async fn post(client: &Client, path: &str, key: &str, body: &Value) -> Response {
    client
        .send(client.request("POST", path).header("idempotency-key", key).json(body))
        .await
}

fn lantern(price: &str) -> Value {
    json!({
        "sku": "LANTERN",
        "name": "Red lantern",
        "category": "garden",
        "price": { "amount": price, "currency": "GBP" },
    })
}
