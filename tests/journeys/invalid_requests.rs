//! Invalid requests are refused with a status and a stable problem code, and change nothing.

use offshoot_tests::{Client, Store};
use serde_json::{Value, json};

in_every_placement! {
    an_invalid_request_is_refused_with_a_code_and_changes_nothing,
    a_client_is_served_again_after_an_oversized_body,
}

/// Well-formed ids that do not exist.
const UNKNOWN_PRODUCT: &str = "product_01h455vb4pex5vsknk084sn02q";
const UNKNOWN_CART: &str = "cart_01h455vb4pex5vsknk084sn02q";
/// Length of a text in a body that exceeds the 256 KiB that the public API accepts.
const TOO_LARGE: usize = 256 << 10;

async fn an_invalid_request_is_refused_with_a_code_and_changes_nothing(store: Store) -> Store {
    let product = store.operator().add_product("LANTERN", "Red lantern", "2.55").await;
    store
        .operator()
        .add_product("SECOND", "For a second page", "1.00")
        .await;
    let shopper = store.shopper();
    let cart = shopper.create_cart().await;
    shopper.set_quantity(&cart, &product, 2).await;
    let before = (shopper.cart(&cart).await, shopper.browse("").await);

    let client = store.client();
    check_reads(&client, &cart, &product).await;
    check_malformed_writes(&client, &cart, &product).await;
    check_impossible_writes(&client, &cart, &product).await;
    check_operator_requests(&store.operator_client(), &product).await;
    check_operator_authentication(&client, &product).await;

    assert_eq!((shopper.cart(&cart).await, shopper.browse("").await), before);
    store
}

/// The server does not read the whole body, so the connection cannot be reused and the client must be told to close the
/// connection.
async fn a_client_is_served_again_after_an_oversized_body(store: Store) -> Store {
    let client = store.client();
    let huge = format!("{{\"currency\": \"{}\"}}", "x".repeat(TOO_LARGE));
    for _ in 0..20 {
        let request = client
            .request("POST", "/api/v1/carts")
            .header("content-type", "application/json");
        client
            .send(request.body(huge.clone()))
            .await
            .expect_problem(413, "body-too-large");
        client.send(client.request("POST", "/api/v1/carts")).await.expect(201);
    }
    store
}

async fn check_reads(client: &Client, cart: &str, product: &str) {
    let long = "x".repeat(201);
    let token = first_page_token(client).await;
    for (path, status, code) in [
        ("nothing/here".to_owned(), 404, "unknown-route"),
        (format!("products/{UNKNOWN_PRODUCT}"), 404, "unknown-product"),
        (format!("carts/{UNKNOWN_CART}"), 404, "unknown-cart"),
        (format!("products/{cart}"), 422, "invalid-id"),
        (format!("carts/{product}"), 422, "invalid-id"),
        ("products/85123A".to_owned(), 422, "invalid-id"),
        (format!("products/{}", product.to_uppercase()), 422, "invalid-id"),
        ("products?colour=red".to_owned(), 422, "invalid-query"),
        ("products?page_size=many".to_owned(), 422, "invalid-query"),
        ("products?page_size=-1".to_owned(), 422, "invalid-query"),
        (format!("products?q={long}"), 422, "invalid-search"),
        ("products?q=%21%3F".to_owned(), 422, "invalid-search"),
        ("products?page_token=made-up".to_owned(), 422, "bad-page-token"),
        (format!("products?page_token={token}&q=lantern"), 422, "bad-page-token"),
        (format!("products?page_token={token}0"), 422, "bad-page-token"),
    ] {
        client
            .get(&format!("/api/v1/{path}"))
            .await
            .expect_problem(status, code);
    }
    let wrong_method = client.send(client.request("PATCH", "/api/v1/carts")).await;
    wrong_method.expect_problem(405, "method-not-allowed");
    assert_eq!(wrong_method.header("allow"), "POST");
}

/// The page token of the list of all products.
async fn first_page_token(client: &Client) -> String {
    let page = client.get("/api/v1/products?page_size=1").await.expect(200);
    page["next_page_token"]
        .as_str()
        .expect("the products fill two pages")
        .to_owned()
}

async fn check_malformed_writes(client: &Client, cart: &str, product: &str) {
    let line = format!("/api/v1/carts/{cart}/lines/{product}");
    for (body, status, code) in [
        ("{\"quantity\":", 400, "malformed-json"),
        ("", 400, "malformed-json"),
        ("{\"quantity\": 1} {}", 400, "malformed-json"),
        ("{\"quantity\": NaN}", 400, "malformed-json"),
        ("{}", 422, "invalid-field"),
        ("[]", 422, "invalid-field"),
        ("null", 422, "invalid-field"),
        ("{\"quantity\": \"two\"}", 422, "invalid-field"),
        ("{\"quantity\": -1}", 422, "invalid-field"),
        ("{\"quantity\": 1.5}", 422, "invalid-field"),
        ("{\"quantity\": 4294967296}", 422, "invalid-field"),
        ("{\"quantity\": 1, \"colour\": \"red\"}", 422, "invalid-field"),
        ("{\"quantity\": 1, \"quantity\": 2}", 422, "invalid-field"),
    ] {
        let request = client.request("PUT", &line).header("content-type", "application/json");
        client
            .send(request.body(body.to_owned()))
            .await
            .expect_problem(status, code);
    }
    for kind in ["text/plain", "application/x-www-form-urlencoded"] {
        let request = client.request("PUT", &line).header("content-type", kind);
        client
            .send(request.body("{\"quantity\": 1}"))
            .await
            .expect_problem(415, "not-json");
    }
    let untyped = client.request("PUT", &line).body("{\"quantity\": 1}");
    client.send(untyped).await.expect_problem(415, "not-json");
}

async fn check_impossible_writes(client: &Client, cart: &str, product: &str) {
    for (path, quantity, status, code) in [
        (format!("{cart}/lines/{product}"), 0_u32, 422, "invalid-quantity"),
        (format!("{cart}/lines/{product}"), 100_001, 422, "invalid-quantity"),
        (format!("{cart}/lines/{product}"), u32::MAX, 422, "invalid-quantity"),
        (format!("{cart}/lines/{UNKNOWN_PRODUCT}"), 1, 404, "unknown-product"),
        (format!("{UNKNOWN_CART}/lines/{product}"), 1, 404, "unknown-cart"),
        (format!("{product}/lines/{product}"), 1, 422, "invalid-id"),
        (format!("{cart}/lines/{cart}"), 1, 422, "invalid-id"),
    ] {
        let path = format!("/api/v1/carts/{path}");
        client
            .json("PUT", &path, &json!({ "quantity": quantity }))
            .await
            .expect_problem(status, code);
    }
    for currency in ["pounds", "EUR"] {
        client
            .json("POST", "/api/v1/carts", &json!({ "currency": currency }))
            .await
            .expect_problem(422, "invalid-field");
    }
}

async fn check_operator_authentication(client: &Client, product: &str) {
    let path = format!("/api/v1/admin/products/{product}/price");
    for stranger in [client.clone(), client.clone().with_token("x".repeat(64))] {
        let refused = stranger.json("PUT", &path, &price("1.00")).await;
        refused.expect_problem(401, "unauthenticated");
    }
}

async fn check_operator_requests(client: &Client, product: &str) {
    let valid = json!({ "sku": "NEW", "name": "New", "category": "garden", "price": price("1.00") });
    for (field, value, status, code) in [
        ("sku", json!("LANTERN"), 409, "duplicate-sku"),
        ("sku", json!(""), 422, "invalid-product"),
        ("sku", json!("x".repeat(65)), 422, "invalid-product"),
        ("name", json!(""), 422, "invalid-product"),
        ("category", json!("Home & Garden"), 422, "invalid-product"),
        ("price", price("0.00"), 422, "invalid-product"),
        ("price", price("-2.55"), 422, "invalid-product"),
        ("price", price("2.55555"), 422, "invalid-field"),
        ("price", price("1e3"), 422, "invalid-field"),
        (
            "price",
            json!({ "amount": 2.55, "currency": "GBP" }),
            422,
            "invalid-field",
        ),
        ("colour", json!("red"), 422, "invalid-field"),
    ] {
        let mut invalid = valid.clone();
        invalid[field] = value;
        client
            .json("POST", "/api/v1/admin/products", &invalid)
            .await
            .expect_problem(status, code);
    }
    for (id, amount, status, code) in [
        (product, "0.00", 422, "invalid-product"),
        (product, "much", 422, "invalid-field"),
        (UNKNOWN_PRODUCT, "1.00", 404, "unknown-product"),
        (UNKNOWN_CART, "1.00", 422, "invalid-id"),
    ] {
        let path = format!("/api/v1/admin/products/{id}/price");
        client
            .json("PUT", &path, &price(amount))
            .await
            .expect_problem(status, code);
    }
}

fn price(amount: &str) -> Value {
    json!({ "amount": amount, "currency": "GBP" })
}
