//! The OpenAPI document of the public API is valid and describes exactly the served operations.

use axum::body::Body;
use http::Request;
use serde_json::Value;

use crate::store::Store;

#[tokio::test]
async fn the_document_is_valid_openapi() {
    let store = Store::empty().await;
    let document = store.client().get("/api/v1/openapi.json").await.body;
    let spec = oas3::from_json(document.to_string()).expect("oas3 parses the document");
    spec.validate_version().expect("the version is 3.1");
    assert_eq!(spec.paths.expect("the document has paths").len(), 19);
    for schema in [
        "Product", "Cart", "Problem", "Quantity", "Order", "Revenue", "Listing", "Notice", "Report",
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
            if documented {
                let status = answer.status.as_u16().to_string();
                let responses = &operations[verb]["responses"];
                assert!(
                    responses.get(&status).is_some(),
                    "{verb} {path} responds with {status}, which is not documented"
                );
            }
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
