//! The OpenAPI documents of the contracts and of the public API are valid for a third-party parser, and have the form that
//! generators of clients need. CI checks the documents with a validator of another language, and with generated clients.

use offshoot::wiring::descriptions;
use offshoot_contract::openapi;
use serde_json::{Value, json};

use crate::sources::{assert_no_violations, assert_violations};

/// The reason why `document` is not valid OpenAPI; `None` for a valid document.
fn parse_error(document: &Value) -> Option<String> {
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
    document["paths"]["/broken"] = json!({ "get": "nothing" });
    assert!(parse_error(&document).is_some());
}

/// Every document, by name.
fn documents() -> Vec<(String, Value)> {
    let modules = descriptions()
        .into_iter()
        .map(|description| (description.name.clone(), openapi(&description)));
    modules
        .chain([("public".to_owned(), offshoot_public_api::document())])
        .collect()
}

/// Schemas and texts that generators of clients cannot read, and operations with too little documentation.
fn violations(name: &str, document: &Value) -> Vec<String> {
    let mut found = Vec::new();
    visit(document, name, &mut found);
    for (path, operations) in document["paths"].as_object().into_iter().flatten() {
        for (verb, operation) in operations.as_object().into_iter().flatten() {
            let mut require = |is_present: bool, what: &str| {
                if !is_present {
                    found.push(format!("{name}: {verb} {path} has no {what}"));
                }
            };
            require(operation["operationId"].is_string(), "operation id");
            require(
                operation["summary"].as_str().is_some_and(|text| text.ends_with('.')),
                "sentence as its summary",
            );
            let tags = document["tags"].as_array();
            let is_declared = tags.is_some_and(|tags| tags.iter().any(|tag| tag["name"] == operation["tags"][0]));
            require(is_declared, "declared tag");
            let statuses = operation["responses"].as_object();
            let has_success = statuses.is_some_and(|statuses| statuses.keys().any(|status| status.starts_with('2')));
            require(has_success, "success");
        }
    }
    found.sort();
    found
}

fn visit(value: &Value, place: &str, found: &mut Vec<String>) {
    if let Some(cases) = ["oneOf", "anyOf"].iter().find_map(|word| value[word].as_array()) {
        let is_constant = |case: &Value| case.get("const").is_some() || case.get("enum").is_some();
        if cases.iter().any(is_constant) && cases.iter().all(|case| is_constant(case) || case["type"] == "null") {
            found.push(format!("{place}: union of constants instead of an enum"));
        }
    }
    match value {
        Value::Object(members) => members
            .iter()
            .for_each(|(name, member)| visit(member, &format!("{place}/{name}"), found)),
        Value::Array(items) => items.iter().for_each(|item| visit(item, place, found)),
        Value::String(text) if ["[`", "`]", "::"].iter().any(|mark| text.contains(mark)) => {
            found.push(format!("{place}: Rust in a text: {text}"));
        }
        _ => {}
    }
}

#[test]
fn every_document_has_the_form_that_generators_of_clients_need() {
    let documents = documents();
    assert_eq!(documents.len(), descriptions().len() + 1);
    let found: Vec<_> = documents
        .iter()
        .flat_map(|(name, document)| violations(name, document))
        .collect();
    assert_no_violations(&found);
}

#[test]
fn a_union_of_constants_rust_in_a_text_and_a_bare_operation_are_found() {
    let constant = |name: &str| json!({ "type": "string", "const": name });
    let document = json!({
        "components": { "schemas": {
            "State": { "oneOf": [constant("open"), constant("closed")] },
            "Maybe": { "anyOf": [{ "$ref": "#/components/schemas/State" }, { "type": "null" }] },
            "Limit": { "description": "At most [`crate::MAX`]." },
        } },
        "paths": { "/gates": { "get": { "summary": "Gates", "responses": { "404": {} } } } },
    });
    assert_violations(
        &violations("gates", &document),
        &[
            "Limit/description: Rust in a text",
            "State: union of constants",
            "has no declared tag",
            "has no operation id",
            "has no sentence as its summary",
            "has no success",
        ],
    );
}

/// A router answers 204 instead of null, and 200 with any other value.
#[test]
fn methods_document_the_success_that_the_router_answers() {
    for description in descriptions() {
        let document = openapi(&description);
        for method in &description.methods {
            let path = format!("/modules/{}/v{}{}", description.name, description.major(), method.path);
            let responses = document["paths"][&path][method.verb.to_lowercase()]["responses"].as_object();
            let statuses = responses.into_iter().flatten().map(|(status, _)| status.as_str());
            let successes: Vec<_> = statuses.filter(|status| status.starts_with('2')).collect();
            let expected = if method.answer.is_some() { "200" } else { "204" };
            assert_eq!(successes, [expected], "{}.{}", description.name, method.name);
        }
    }
}

/// The documentation of a method names its errors, and the document has no others.
#[test]
fn every_error_of_a_contract_is_named_by_a_method() {
    for description in descriptions() {
        let named = |variant: &str| {
            description
                .methods
                .iter()
                .any(|method| method.doc.contains(&format!("`{variant}`")))
        };
        for error in description.methods.iter().flat_map(|method| &method.errors) {
            assert!(
                named(&error.variant),
                "no method of {} names {}",
                description.name,
                error.variant
            );
        }
    }
}
