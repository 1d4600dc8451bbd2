//! The contract as data.

use offshoot_contract::{describe, openapi};

use crate::counters::CountersApi;

#[test]
fn the_description_names_every_method_with_its_class_key_and_bounds() {
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
fn prose_does_not_change_the_hash_and_shape_does() {
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
fn the_openapi_document_has_every_path_and_error() {
    let document = openapi(&describe::<dyn CountersApi>());
    let path = &document["paths"]["/modules/counters/v1/counters/{id}"];
    assert_eq!(path["get"]["operationId"], "value");
    assert_eq!(path["put"]["requestBody"]["required"], true);
    assert!(
        path["get"]["responses"]["404"]["description"]
            .as_str()
            .unwrap()
            .contains("unknown-counter")
    );
}
