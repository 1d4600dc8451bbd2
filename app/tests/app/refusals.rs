//! Rejected requests to the public API: each response is a problem with status, code, detail and trace id.

use std::sync::Arc;

use axum::body::Body;
use carts_api::v1::CartsApi;
use catalog_api::v1::CatalogApi;
use http::{Request, StatusCode};
use inventory_api::v1::InventoryApi;
use notifications_api::v1::NotificationsApi;
use offshoot_contract::{ArgsOf, CallContext, CallFailure, Contract, Contracts, FailureKind, Invoke, Method, Money};
use offshoot_public_api::PublicApi;
use orders_api::v1::OrdersApi;
use reporting_api::v1::ReportingApi;
use serde_json::json;
use storefront_api::v1::StorefrontApi;

use crate::store::{Answer, Client, Store, json_body};

#[track_caller]
fn assert_problem(answer: &Answer, status: u16, code: &str, detail: &str) {
    assert_eq!(
        (answer.status.as_u16(), answer.text("code").as_str()),
        (status, code),
        "{}",
        answer.body
    );
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert_eq!(answer.text("trace_id"), answer.header("offshoot-trace-id"));
    assert!(answer.text("detail").contains(detail), "{}", answer.body);
}

#[tokio::test]
async fn unknown_routes_and_methods_are_problems() {
    let store = Store::empty().await;
    let client = store.client();
    for path in ["/nothing", "/api/v2/products", "/api/v1/products/a/b/c", "/api/v1"] {
        assert_problem(&client.get(path).await, 404, "unknown-route", "openapi.json");
    }
    let answer = client.delete("/api/v1/products").await;
    assert_problem(&answer, 405, "method-not-allowed", "Allow");
    assert_eq!(answer.header("allow"), "GET,HEAD");
}

#[tokio::test]
async fn an_id_of_another_kind_is_rejected_with_the_expected_form() {
    let store = Store::empty().await;
    let client = store.client();
    for path in [
        "/api/v1/products/71053",
        "/api/v1/products/cart_01h455vb4pex5vsknk084sn02q",
    ] {
        assert_problem(
            &client.get(path).await,
            422,
            "invalid-id",
            "product_ followed by 26 characters",
        );
    }
    let cart = client.new_cart().await;
    let answer = client.delete(&format!("{cart}/lines/71053")).await;
    assert_problem(&answer, 422, "invalid-id", "`71053`");
    let answer = client.get("/api/v1/products/product_01h455vb4pex5vsknk084sn02q").await;
    assert_problem(&answer, 404, "unknown-product", "product_01h455vb4pex5vsknk084sn02q");
    assert_problem(&client.get("/api/v1/products/%ff").await, 422, "invalid-id", "UTF-8");
}

#[tokio::test]
async fn unknown_repeated_and_malformed_query_parameters_are_rejected() {
    let store = Store::empty().await;
    let client = store.client();
    for (query, detail) in [
        ("color=red", "color"),
        ("page_size=many", "page_size"),
        ("q=a&q=b", "q"),
        ("page_size=-1", "page_size"),
    ] {
        assert_problem(
            &client.get(&format!("/api/v1/products?{query}")).await,
            422,
            "invalid-query",
            detail,
        );
    }
    assert_problem(
        &client.get("/api/v1/products?page_token=x").await,
        422,
        "bad-page-token",
        "start again",
    );
    assert_problem(
        &client.get("/api/v1/products?q=%21%21").await,
        422,
        "invalid-search",
        "search text",
    );
}

#[tokio::test]
async fn a_body_of_the_wrong_type_size_or_fields_is_rejected() {
    let store = Store::empty().await;
    let client = store.client();
    let cart = client.new_cart().await;
    let line = format!("{cart}/lines/product_01h455vb4pex5vsknk084sn02q");

    assert_problem(
        &client.put(&line, json!({ "quantity": 1, "colour": "red" })).await,
        422,
        "invalid-field",
        "colour",
    );
    let answer = client.put(&line, json!({ "quantity": -1 })).await;
    assert_problem(&answer, 422, "invalid-field", "quantity");
    assert_eq!(answer.text("field"), "quantity");
    assert_problem(
        &client.put(&line, json!({ "quantity": 1 })).await,
        404,
        "unknown-product",
        "product_",
    );

    let price = json!({ "amount": "2,55", "currency": "GBP" });
    let product = json!({ "sku": "A1", "name": "Lamp", "category": "other", "price": price });
    let answer = client.post("/api/v1/admin/products", product).await;
    assert_problem(&answer, 422, "invalid-field", "`2,55` is not a valid amount");
    assert_eq!(answer.text("field"), "price.amount");

    let put = |content_type: &'static str, body: String| {
        client.send(
            Request::put(&line)
                .header("content-type", content_type)
                .body(Body::from(body)),
        )
    };
    assert_problem(
        &put("application/json", "{\"quantity\":".to_owned()).await,
        400,
        "malformed-json",
        "not JSON",
    );
    assert_problem(
        &put("application/json", "{\"quantity\":1} x".to_owned()).await,
        400,
        "malformed-json",
        "trailing",
    );
    assert_problem(
        &put("application/json", String::new()).await,
        400,
        "malformed-json",
        "EOF",
    );
    assert_problem(
        &put("text/plain", "{\"quantity\":1}".to_owned()).await,
        415,
        "not-json",
        "text/plain",
    );
    assert_problem(
        &put("application/json", " ".repeat((256 << 10) + 1)).await,
        413,
        "body-too-large",
        "262144",
    );
    let announced = json_body(Request::put(&line))
        .header("content-length", "999999999")
        .body(Body::empty());
    assert_problem(&client.send(announced).await, 413, "body-too-large", "262144");
}

#[tokio::test]
async fn an_array_in_the_place_of_an_object_is_rejected() {
    let store = Store::empty().await;
    let client = store.client();
    let cart = client.new_cart().await;
    let line = format!("{cart}/lines/product_01h455vb4pex5vsknk084sn02q");
    for answer in [
        client.post("/api/v1/carts", json!(["EUR"])).await,
        client.put(&line, json!([1])).await,
    ] {
        assert_problem(&answer, 422, "invalid-field", "invalid type: sequence");
    }
}

#[tokio::test]
async fn a_malformed_idempotency_key_is_rejected() {
    let store = Store::empty().await;
    let client = store.client();
    for key in ["", "with space", "ü", &"k".repeat(129)] {
        let request = Request::post("/api/v1/carts").header("Idempotency-Key", key);
        let answer = client.send(request.body(Body::empty())).await;
        assert_problem(&answer, 400, "bad-idempotency-key", "printable ASCII");
    }
}

#[tokio::test]
async fn a_repeated_header_of_one_value_is_rejected() {
    let store = Store::empty().await;
    let client = store.client();
    for (name, code) in [
        ("Idempotency-Key", "bad-idempotency-key"),
        ("Authorization", "repeated-header"),
        ("Content-Type", "repeated-header"),
        ("Order-Token", "repeated-header"),
        ("traceparent", "repeated-header"),
    ] {
        let request = Request::post("/api/v1/carts").header(name, "one").header(name, "two");
        let answer = client.send(request.body(Body::empty())).await;
        assert_problem(&answer, 400, code, "given twice");
    }
    let request = Request::get("/api/v1/products")
        .header("Accept", "a/b")
        .header("Accept", "c/d");
    assert_eq!(client.send(request.body(Body::empty())).await.status, StatusCode::OK);
}

#[tokio::test]
async fn requests_above_the_limit_are_rejected_with_a_retry_after() {
    let store = Store::empty().await;
    let public = store.public_side();
    // No permits, as if every permit were taken.
    let client = Client::new(PublicApi { in_flight: 0, ..public });
    let answer = client.get("/api/v1/products").await;
    assert_problem(&answer, 503, "overloaded", "Nothing has changed.");
    assert_eq!(answer.header("retry-after"), "1");
}

/// Fails every call with the same failure.
struct Failing(CallFailure);

impl<A: Contract + ?Sized> Invoke<A> for Failing {
    async fn invoke<M: Method<Api = A>>(&self, _: &mut CallContext, _: ArgsOf<M>) -> Result<M::Answer, M::Error> {
        Err(self.0.clone().into())
    }
}

fn failing(kind: FailureKind) -> Client {
    let why = "the catalog at 10.0.0.7:7101: SELECT sku FROM products";
    let failure = || Failing(CallFailure::not_executed(kind.clone(), why).caused_by(std::fmt::Error));
    let mut contracts = Contracts::default();
    contracts.insert(<dyn CatalogApi as Contract>::new_proxy(failure()));
    contracts.insert(<dyn InventoryApi as Contract>::new_proxy(failure()));
    contracts.insert(<dyn CartsApi as Contract>::new_proxy(failure()));
    contracts.insert(<dyn OrdersApi as Contract>::new_proxy(failure()));
    contracts.insert(<dyn StorefrontApi as Contract>::new_proxy(failure()));
    contracts.insert(<dyn NotificationsApi as Contract>::new_proxy(failure()));
    contracts.insert(<dyn ReportingApi as Contract>::new_proxy(failure()));
    Client::new(PublicApi {
        open_reports: false,
        contracts,
        currency: Money::GBP,
        currencies: vec![Money::GBP],
        in_flight: 16,
        operator: Arc::new(|_| None),
        links: Arc::new(|_| Vec::new()),
        traced: 0.0,
    })
}

#[tokio::test]
async fn a_failed_call_is_named_by_its_kind_and_shows_nothing_of_the_inside() {
    let retry_after = std::time::Duration::from_millis(2_500);
    let dependency = |cause: &str| FailureKind::Dependency {
        module: "catalog".to_owned(),
        method: "product".to_owned(),
        cause: cause.to_owned(),
    };
    let refused = FailureKind::Refused {
        status: 403,
        code: "caller-not-allowed".to_owned(),
    };
    for (kind, status, code, detail, after) in [
        (FailureKind::Unavailable, 503, "unavailable", "Try again later", "1"),
        (
            FailureKind::Overloaded { retry_after },
            503,
            "overloaded",
            "Try again later",
            "3",
        ),
        (FailureKind::Timeout, 504, "timeout", "not answer in time", ""),
        (dependency("unavailable"), 503, "unavailable", "Try again later", "1"),
        (dependency("internal"), 500, "internal", "does not help", ""),
        (
            dependency("unauthenticated"),
            500,
            "caller-not-allowed",
            "must admit the caller",
            "",
        ),
        (refused, 500, "caller-not-allowed", "must admit the caller", ""),
        (FailureKind::Internal, 500, "internal", "data that it cannot read", ""),
    ] {
        let answer = failing(kind).get("/api/v1/products").await;
        assert_problem(&answer, status, code, detail);
        let text = answer.body.to_string();
        assert!(text.contains("Nothing has changed."), "{text}");
        for inside in ["catalog", "10.0.0.7", "SELECT"] {
            assert!(!text.contains(inside), "{text}");
        }
        assert_eq!(answer.header("retry-after"), after);
        assert_eq!(answer.body["may_have_executed"], false);
        let mut members: Vec<_> = answer
            .body
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, _)| name.as_str())
            .collect();
        members.sort_unstable();
        assert_eq!(
            members,
            ["code", "detail", "may_have_executed", "status", "title", "trace_id"]
        );
    }
}

#[tokio::test]
async fn clients_cannot_set_the_headers_of_services() {
    let store = Store::empty().await;
    let request = Request::get("/api/v1/products")
        .header("offshoot-trace-id", "forged")
        .header("offshoot-principal", "admin");
    let answer = store.client().send(request.body(Body::empty())).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_ne!(answer.header("offshoot-trace-id"), "forged");
}
