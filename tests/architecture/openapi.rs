//! The OpenAPI document of each contract is valid for a third-party parser. CI checks the documents with a second
//! validator, written in another language.

use offshoot::wiring::descriptions;
use offshoot_contract::openapi;

/// The reason why `document` is not valid OpenAPI; `None` for a valid document.
fn parse_error(document: &serde_json::Value) -> Option<String> {
    match oas3::from_json(document.to_string()) {
        Ok(read) => read.validate_version().err().map(|error| error.to_string()),
        Err(error) => Some(error.to_string()),
    }
}

#[test]
fn every_contract_has_an_openapi_document_with_all_its_methods() {
    for description in descriptions() {
        let document = openapi(&description);
        assert_eq!(parse_error(&document), None, "{}", description.name);
        let read = oas3::from_json(document.to_string()).expect("the document was parsed above");
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
fn an_invalid_document_is_refused() {
    let mut document = openapi(&descriptions()[0]);
    document["paths"]["/broken"] = serde_json::json!({ "get": "nothing" });
    assert!(parse_error(&document).is_some());
}
