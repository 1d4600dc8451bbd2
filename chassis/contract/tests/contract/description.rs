//! Descriptions and OpenAPI documents of a contract.

use offshoot_contract::{describe, openapi};

use crate::counters::CountersApi;

#[test]
fn the_description_lists_every_method_with_class_key_and_timeout() {
    let description = describe::<dyn CountersApi>();
    let methods: Vec<_> = description
        .methods
        .iter()
        .map(|method| {
            (
                method.name.as_str(),
                method.verb.as_str(),
                method.class.as_str(),
                method.timeout_ms,
            )
        })
        .collect();
    assert_eq!(
        methods,
        [
            ("value", "GET", "safe", 10_000),
            ("set", "PUT", "idempotent", 10_000),
            ("add", "POST", "unsafe", 300)
        ]
    );
    assert!(
        description
            .methods
            .iter()
            .all(|method| method.key.as_deref() == Some("id"))
    );
}

#[test]
fn the_hash_is_stable_and_the_description_survives_a_round_trip_as_json() {
    let description = describe::<dyn CountersApi>();
    assert_eq!(description.hash, describe::<dyn CountersApi>().hash);
    assert_eq!(description.hash.len(), 64);
    let json = serde_json::to_string(&description).unwrap();
    assert_eq!(
        serde_json::from_str::<offshoot_contract::ContractDescription>(&json).unwrap(),
        description
    );
}

#[test]
fn the_openapi_document_contains_paths_bodies_and_errors() {
    let document = openapi(&describe::<dyn CountersApi>());
    let path = &document["paths"]["/modules/counters/v1/counters/{id}"];
    assert_eq!(path["get"]["operationId"], "value");
    assert_eq!(path["put"]["requestBody"]["required"], true);
    let add = &document["paths"]["/modules/counters/v1/counters/{id}/additions"]["post"];
    assert_eq!(add["summary"], "Adds to a counter and returns the sum.");
    assert!(
        path["get"]["responses"]["404"]["description"]
            .as_str()
            .unwrap()
            .contains("unknown-counter")
    );
}
