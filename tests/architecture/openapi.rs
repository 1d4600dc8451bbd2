//! The OpenAPI document of each contract is one for others too. A validator of another language reads it in CI.

use offshoot::wiring::descriptions;
use offshoot_contract::openapi;

/// Why `document` is not OpenAPI; none if it is.
fn refused(document: &serde_json::Value) -> Option<String> {
    match oas3::from_json(document.to_string()) {
        Ok(read) => read.validate_version().err().map(|error| error.to_string()),
        Err(error) => Some(error.to_string()),
    }
}

#[test]
fn every_contract_has_an_openapi_document_with_all_its_methods() {
    for description in descriptions() {
        let document = openapi(&description);
        assert_eq!(refused(&document), None, "{}", description.name);
        let read = oas3::from_json(document.to_string()).expect("it was read before");
        for method in &description.methods {
            assert!(
                read.operation_by_id(&method.name).is_some(),
                "{}.{}",
                description.name,
                method.name
            );
        }
    }
}

#[test]
fn what_is_no_openapi_document_is_refused() {
    let mut document = openapi(&descriptions()[0]);
    document["paths"]["/broken"] = serde_json::json!({ "get": "nothing" });
    assert!(refused(&document).is_some());
}
