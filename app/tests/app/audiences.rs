//! Audiences of the public API: who may call which operation, and for whom an idempotency key holds.

use axum::body::Body;
use http::Request;
use serde_json::{Value, json};

use crate::store::{Answer, Client, Store, json_body};

/// Checks out a cart with two units of a product, and returns the response.
async fn check_out(client: &Client) -> Answer {
    let product = client.add_product("L-1", "Lamp", "2.50").await;
    let stock = json!({ "change": 9, "reason": "delivery", "kind": "received" });
    client
        .post(&format!("/api/v1/admin/products/{product}/stock-adjustments"), stock)
        .await;
    let cart = client.new_cart().await;
    client
        .put(&format!("{cart}/lines/{product}"), json!({ "quantity": 2 }))
        .await;
    let payment = json!({ "payment_token": "tok_visa", "email": "ada@example.com" });
    let request = json_body(Request::post(format!("{cart}/checkout"))).header("idempotency-key", "1");
    let placed = client.send(request.body(payment.to_string().into())).await;
    assert_eq!(placed.status, 201, "{}", placed.body);
    let request = json_body(Request::post(format!("{cart}/checkout"))).header("idempotency-key", "1");
    let again = client.send(request.body(payment.to_string().into())).await;
    assert_eq!(again.body, placed.body, "a repeated checkout answers the same token");
    placed
}

async fn send(client: &Client, verb: &str, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
    let mut request = json_body(Request::builder().method(verb.to_uppercase().as_str()).uri(path));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    client.send(request.body(body.to_string().into())).await
}

/// The problem without the id of the trace.
fn problem(answer: &Answer) -> Value {
    let mut problem = answer.body.clone();
    problem["trace_id"].take();
    problem
}

#[tokio::test]
async fn every_operation_is_closed_to_strangers_unless_its_document_says_otherwise() {
    let store = Store::empty().await;
    let known = store.client();
    let order = check_out(&known).await.text("id");
    let stranger = Client::new(store.public_side());
    let document = stranger.document().await;
    let mut counts = [0; 3];
    for (path, operations) in document["paths"].as_object().expect("the document has paths") {
        let filled = path
            .replace("{product_id}", "product_01h455vb4pex5vsknk084sn02q")
            .replace("products/{id}", "products/product_01h455vb4pex5vsknk084sn02q")
            .replace("orders/{id}", &format!("orders/{order}"))
            .replace("{id}", "cart_01h455vb4pex5vsknk084sn02q");
        for (verb, operation) in operations.as_object().expect("a path has operations") {
            let answer = send(&stranger, verb, &filled, &[], &json!({})).await;
            let schemes: Vec<_> = operation["security"]
                .as_array()
                .expect("each operation has an audience")
                .iter()
                .flat_map(|one| one.as_object().expect("a requirement names schemes").keys())
                .map(String::as_str)
                .collect();
            let at = match schemes.as_slice() {
                [] => {
                    assert!(!matches!(answer.status.as_u16(), 401 | 403), "{verb} {path}");
                    0
                }
                ["orderLink", "operator"] => {
                    assert_eq!(
                        (answer.status.as_u16(), answer.text("code").as_str()),
                        (404, "unknown-order"),
                        "{verb} {path}"
                    );
                    1
                }
                ["operator"] => {
                    assert_eq!(answer.status, 401, "{verb} {path}");
                    assert_eq!(answer.header("www-authenticate"), "Bearer", "{verb} {path}");
                    2
                }
                other => panic!("{verb} {path} has the audience {other:?}"),
            };
            counts[at] += 1;
        }
    }
    assert_eq!(
        counts,
        [11, 4, 5],
        "operations for anyone, for holders of an order's link, for operators"
    );
}

#[tokio::test]
async fn an_order_is_opened_by_its_own_token_and_by_operators() {
    let store = Store::empty().await;
    let known = store.client();
    let placed = check_out(&known).await;
    let (order, token) = (placed.text("id"), placed.text("link_token"));
    let authorization = format!("Bearer {}", store.operator_token());
    let other = "order_01h455vb4pex5vsknk084sn02q";
    let goods = json!({ "lines": [{ "line": 1, "quantity": 1 }] });
    let mut changed = token.clone();
    changed.replace_range(..1, if token.starts_with('0') { "1" } else { "0" });
    for (verb, rest, body) in [
        ("get", "", json!({})),
        ("get", "/notices", json!({})),
        ("post", "/returns", goods),
        ("post", "/cancel", json!({})),
    ] {
        let client = Client::new(store.public_side());
        let path = format!("/api/v1/orders/{order}{rest}");
        let unknown = send(&client, verb, &format!("/api/v1/orders/{other}{rest}"), &[], &body).await;
        for headers in [
            &[][..],
            &[("order-token", "")],
            &[("order-token", &token[1..])],
            &[("order-token", &changed)],
            &[("authorization", "Bearer wrong")],
        ] {
            let refused = send(&client, verb, &path, headers, &body).await;
            let refused = problem(&refused).to_string().replace(&order, other);
            assert_eq!(refused, problem(&unknown).to_string(), "{verb} {path} {headers:?}");
        }
        // The token of one order opens no other one.
        let foreign = send(
            &client,
            verb,
            &format!("/api/v1/orders/{other}{rest}"),
            &[("order-token", &token)],
            &body,
        )
        .await;
        assert_eq!(problem(&foreign), problem(&unknown));
        for headers in [
            [("order-token", token.as_str())],
            [("authorization", authorization.as_str())],
        ] {
            let answer = send(&client, verb, &path, &headers, &body).await;
            assert_eq!(answer.status, 200, "{verb} {path}: {}", answer.body);
            assert_eq!(answer.header("cache-control"), "no-store");
            assert!(!answer.body.to_string().contains(&token), "{verb} {path}");
        }
    }
}

#[tokio::test]
async fn a_key_holds_for_one_client_or_one_cart() {
    let store = Store::empty().await;
    let client = store.client();
    let create = async |cookie: &str| {
        send(
            &client,
            "post",
            "/api/v1/carts",
            &[("idempotency-key", "1"), ("cookie", cookie)],
            &json!({}),
        )
        .await
    };
    let (one, two) = (create("").await, create("theme=dark").await);
    assert_ne!(one.text("id"), two.text("id"), "two strangers with the same key");
    let cookie = one.header("set-cookie");
    let (cookie, attributes) = cookie.split_once("; ").expect("the cookie has attributes");
    assert_eq!(attributes, "Path=/api/v1; HttpOnly; SameSite=Lax");
    let again = create(&format!("theme=dark; {cookie}")).await;
    assert_eq!(
        (again.body, again.headers.get("set-cookie")),
        (one.body, None),
        "the same client repeats"
    );
    let malformed = create("offshoot-client=1").await;
    assert_ne!(malformed.text("id"), create("offshoot-client=1").await.text("id"));

    let product = client.add_product("L-1", "Lamp", "2.50").await;
    for (cart, quantity, status) in [(&two, 1, 200), (&malformed, 2, 200), (&two, 1, 200), (&two, 2, 422)] {
        let path = format!("/api/v1/carts/{}/lines/{product}", cart.text("id"));
        let body = json!({ "quantity": quantity });
        let answer = send(&client, "put", &path, &[("idempotency-key", "1")], &body).await;
        assert_eq!(answer.status, status, "{}", answer.body);
    }
    let without_key = client.send(Request::post("/api/v1/carts").body(Body::empty())).await;
    assert_eq!(without_key.headers.get("set-cookie"), None);
}

#[tokio::test]
async fn a_price_in_a_currency_that_the_store_does_not_sell_in_is_refused() {
    let store = Store::empty().await;
    let client = store.client();
    let id = client.add_product("L-1", "Lamp", "2.50").await;
    let path = format!("/api/v1/admin/products/{id}/price");
    let price = |currency: &str| json!({ "amount": "1.00", "currency": currency });
    assert_eq!(client.put(&path, price("EUR")).await.status, 200);
    let new = json!({ "sku": "L-2", "name": "Lamp", "category": "lamps", "price": price("JPY") });
    for (answer, field) in [
        (client.put(&path, price("JPY")).await, "currency"),
        (client.post("/api/v1/admin/products", new).await, "price.currency"),
        (
            client.post("/api/v1/carts", json!({ "currency": "JPY" })).await,
            "currency",
        ),
    ] {
        assert_eq!(
            (answer.status.as_u16(), answer.text("code").as_str()),
            (422, "invalid-field")
        );
        assert_eq!(answer.text("field"), field);
        assert!(
            answer
                .text("detail")
                .contains("does not sell in JPY: the currencies are GBP, EUR, USD"),
            "{}",
            answer.body
        );
    }
}
