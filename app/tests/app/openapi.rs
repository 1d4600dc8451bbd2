//! The OpenAPI document of the public API is valid and describes exactly the served operations.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::body::Body;
use http::{Request, StatusCode};
use serde_json::{Value, json};
use tokio_util::task::AbortOnDropHandle;

use crate::documented::codes;
use crate::store::{Answer, Client, Store};

#[tokio::test]
async fn the_document_is_valid_openapi() {
    let store = Store::empty().await;
    let document = store.client().get("/api/v1/openapi.json").await.body;
    let spec = oas3::from_json(document.to_string()).expect("oas3 parses the document");
    spec.validate_version().expect("the version is 3.1");
    assert_eq!(spec.paths.expect("the document has paths").len(), 19);
    for schema in [
        "Product",
        "Cart",
        "Problem",
        "Quantity",
        "Order",
        "PlacedOrder",
        "Revenue",
        "Listing",
        "Notice",
        "Report",
    ] {
        assert!(document["components"]["schemas"].get(schema).is_some(), "{schema}");
    }
}

#[tokio::test]
async fn references_resolve_and_operation_ids_are_unique() {
    let store = Store::empty().await;
    let document = store.client().get("/api/v1/openapi.json").await.body;
    let mut references = Vec::new();
    collect(&document, "$ref", &mut references);
    assert!(!references.is_empty());
    for reference in references {
        let pointer = reference.trim_start_matches('#');
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
    let mut ids = Vec::new();
    collect(&document["paths"], "operationId", &mut ids);
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((all, ids.len()), (20, 20));
}

/// Every documented operation has a handler; other methods of the same path have none.
#[tokio::test]
async fn exactly_the_documented_operations_are_served() {
    let store = Store::empty().await;
    let client = store.client();
    let document = client.get("/api/v1/openapi.json").await.body;
    for (path, operations) in document["paths"].as_object().expect("the document has paths") {
        let filled = path
            .replace("{product_id}", "product_01h455vb4pex5vsknk084sn02q")
            .replace("products/{id}", "products/product_01h455vb4pex5vsknk084sn02q")
            .replace("{id}", "cart_01h455vb4pex5vsknk084sn02q");
        for verb in ["get", "post", "put", "delete", "patch"] {
            let request = Request::builder().method(verb.to_uppercase().as_str()).uri(&filled);
            let answer = client.send(request.body(Body::empty())).await;
            let code = answer.text("code");
            let documented = operations.get(verb).is_some();
            assert_eq!(documented, code != "method-not-allowed", "{verb} {path}");
            assert_ne!(code, "unknown-route", "{verb} {path}");
        }
    }
}

fn collect<'a>(value: &'a Value, key: &str, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::String(text) if name == key => found.push(text),
                    _ => collect(member, key, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, key, found)),
        _ => {}
    }
}

/// Each success of each operation, with the statuses that the document has for the operation.
#[tokio::test]
async fn the_documented_successes_are_those_that_operations_have() {
    let mut store = Store::empty().await;
    // The storefront gets the product from an event.
    let _jobs: Vec<_> = store
        .modules
        .jobs
        .drain(..)
        .map(|job| AbortOnDropHandle::new(tokio::spawn(job)))
        .collect();
    let client = store.client();
    let document = client.document().await;
    let mut documented = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().expect("the document has paths") {
        for (verb, operation) in operations.as_object().expect("a path has operations") {
            let id = operation["operationId"].as_str().unwrap_or_default();
            assert!(!id.is_empty(), "{verb} {path}");
            let statuses = operation["responses"]
                .as_object()
                .expect("an operation has responses")
                .keys();
            documented.extend(
                statuses
                    .filter(|status| status.starts_with('2'))
                    .map(|status| (id.to_owned(), status.clone())),
            );
        }
    }
    assert_eq!(succeed_at_everything(&client).await, documented);
}

/// Has every operation succeed in each way, and returns their ids with the statuses.
async fn succeed_at_everything(client: &Client) -> BTreeSet<(String, String)> {
    let mut seen = BTreeSet::new();
    let mut note = |id: &str, answer: &Answer| {
        assert!(answer.status.is_success(), "{id}: {}", answer.body);
        seen.insert((id.to_owned(), answer.status.as_str().to_owned()));
    };
    let product = succeed_with_products(client, &mut note).await;
    succeed_with_orders(client, &product, &mut note).await;
    note("get_revenue", &client.get("/api/v1/reports/revenue?by=month").await);
    let question = json!({ "measures": ["net"], "currency": "GBP" });
    note("query_sales", &client.post("/api/v1/reports/query", question).await);
    seen
}

/// Returns the id of a product with stock.
async fn succeed_with_products(client: &Client, note: &mut impl FnMut(&str, &Answer)) -> String {
    let price = json!({ "amount": "2.50", "currency": "GBP" });
    let new = json!({ "sku": "L-1", "name": "Lamp", "category": "lamps", "price": price });
    let added = client.post("/api/v1/admin/products", new).await;
    note("add_product", &added);
    let id = added.text("id");
    let product = format!("/api/v1/products/{id}");
    note(
        "set_price",
        &client.put(&format!("/api/v1/admin/products/{id}/price"), price).await,
    );
    let received = json!({ "change": 9, "reason": "delivery", "kind": "received" });
    note(
        "adjust_stock",
        &client
            .post(&format!("/api/v1/admin/products/{id}/stock-adjustments"), received)
            .await,
    );
    note("list_products", &client.get("/api/v1/products").await);
    note("get_product", &client.get(&product).await);
    note("get_stock", &client.get(&format!("{product}/stock")).await);
    note("list_listings", &client.get("/api/v1/storefront/products").await);
    let listing = format!("/api/v1/storefront/products/{id}");
    let mut listed = client.get(&listing).await;
    while listed.status == StatusCode::NOT_FOUND {
        // The event of the new product has not arrived yet.
        tokio::time::sleep(Duration::from_millis(20)).await;
        listed = client.get(&listing).await;
    }
    note("get_listing", &listed);
    id
}

async fn succeed_with_orders(client: &Client, id: &str, note: &mut impl FnMut(&str, &Answer)) {
    let created = client.post("/api/v1/carts", json!({})).await;
    note("create_cart", &created);
    let cart = created.header("location");
    let line = format!("{cart}/lines/{id}");
    let lines = json!({ "lines": [{ "product_id": id, "quantity": 1 }] });
    note("set_cart_lines", &client.put(&format!("{cart}/lines"), lines).await);
    note("remove_cart_line", &client.delete(&line).await);
    note("set_cart_line", &client.put(&line, json!({ "quantity": 2 })).await);
    note("get_cart", &client.get(&cart).await);
    let pay = |token: &str| json!({ "payment_token": token, "email": "ada@example.com" });
    let bought = client.post(&format!("{cart}/checkout"), pay("tok_visa")).await;
    note("check_out", &bought);
    let order = bought.header("location");
    note("get_order", &client.get(&order).await);
    note("list_notices", &client.get(&format!("{order}/notices")).await);
    let goods = json!({ "lines": [{ "line": 1, "quantity": 1 }] });
    note("return_goods", &client.post(&format!("{order}/returns"), goods).await);
    note(
        "cancel_order",
        &client
            .send(Request::post(format!("{order}/cancel")).body(Body::empty()))
            .await,
    );

    // The provider does not answer before its timeout.
    let cart = client.new_cart().await;
    client
        .put(&format!("{cart}/lines/{id}"), json!({ "quantity": 1 }))
        .await;
    let pending = client.post(&format!("{cart}/checkout"), pay("tok_timeout")).await;
    assert_eq!(pending.text("status"), "pending", "{}", pending.body);
    note("check_out", &pending);
}

#[tokio::test]
async fn operations_list_only_the_problems_that_they_have() {
    let store = Store::empty().await;
    let client = store.client();
    let document = client.document().await;
    let codes = |verb: &str, path: &str, status: &str| {
        let mut codes = codes(document, &document["paths"][path][verb]["responses"][status]);
        codes.sort_unstable();
        codes
    };
    assert_eq!(codes("get", "/api/v1/products/{id}", "404"), ["unknown-product"]);
    assert_eq!(codes("get", "/api/v1/products/{id}", "422"), ["invalid-id"]);
    assert_eq!(codes("get", "/api/v1/products/{id}", "400"), ["repeated-header"]);
    assert_eq!(codes("get", "/api/v1/reports/revenue", "401"), ["unauthenticated"]);
    assert_eq!(
        codes("get", "/api/v1/products", "422"),
        ["bad-page-token", "invalid-query", "invalid-search"]
    );
    assert_eq!(
        codes("post", "/api/v1/carts/{id}/checkout", "402"),
        ["payment-declined"]
    );
    assert_eq!(
        codes("post", "/api/v1/orders/{id}/cancel", "409"),
        ["not-confirmed", "order-busy", "sold-elsewhere"]
    );
    assert_eq!(codes("post", "/api/v1/admin/products", "401"), ["unauthenticated"]);
    assert_eq!(codes("get", "/api/v1/products", "503"), ["overloaded", "unavailable"]);
}

/// A value beyond a documented limit is refused, and the limit itself is not.
#[tokio::test]
async fn documented_limits_are_enforced() {
    let store = Store::empty().await;
    let client = store.client();
    let document = client.document().await;
    let schema = |name: &str, field: &str| document["components"]["schemas"][name]["properties"][field].clone();
    let parameter = |path: &str, name: &str| {
        let parameters = document["paths"][path]["get"]["parameters"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        parameters
            .into_iter()
            .find(|parameter| parameter["name"] == name)
            .expect("the operation has the parameter")
    };
    assert_eq!(parameter("/api/v1/reports/revenue", "by")["required"], true);
    let missing = client.get("/api/v1/reports/revenue").await;
    assert_eq!(missing.text("code"), "invalid-query");

    let longest = parameter("/api/v1/products", "q")["schema"]["maxLength"]
        .as_u64()
        .expect("a limit");
    for (length, status) in [(longest, 200), (longest + 1, 422)] {
        let words = "a".repeat(usize::try_from(length).expect("a length"));
        assert_eq!(client.get(&format!("/api/v1/products?q={words}")).await.status, status);
    }
    let id = client.add_product("L-1", "Lamp", "1.00").await;
    let cart = client.new_cart().await;
    let quantity = schema("Quantity", "quantity");
    let (least, most) = (quantity["minimum"].as_u64(), quantity["maximum"].as_u64());
    let (least, most) = (least.expect("a limit"), most.expect("a limit"));
    for (quantity, status) in [(least, 200), (most, 200), (least - 1, 422), (most + 1, 422)] {
        let answer = client
            .put(&format!("{cart}/lines/{id}"), json!({ "quantity": quantity }))
            .await;
        assert_eq!(answer.status, status, "{quantity}");
    }
    for (name, field, limit) in [
        ("ProductToAdd", "sku", "maxLength"),
        ("ProductToAdd", "name", "maxLength"),
        ("ProductToAdd", "description", "maxLength"),
        ("ProductToAdd", "category", "maxLength"),
    ] {
        let most = schema(name, field)[limit].as_u64().expect("a limit");
        for (length, status) in [(most, 201), (most + 1, 422)] {
            let price = json!({ "amount": "1.00", "currency": "GBP" });
            let mut new = json!({ "sku": field, "name": "Lamp", "category": "lamps", "price": price });
            new[field] = json!("a".repeat(usize::try_from(length).expect("a length")));
            assert_eq!(
                client.post("/api/v1/admin/products", new).await.status,
                status,
                "{field}"
            );
        }
    }
    let adjustment = schema("StockAdjustment", "change");
    let (least, most) = (
        adjustment["minimum"].as_i64().expect("a limit"),
        adjustment["maximum"].as_i64().expect("a limit"),
    );
    for (change, status) in [(most, 200), (least, 200), (most + 1, 422), (least - 1, 422)] {
        let path = format!("/api/v1/admin/products/{id}/stock-adjustments");
        let answer = client.post(&path, json!({ "change": change, "reason": "count" })).await;
        assert_eq!(answer.status, status, "{change}");
    }
}
