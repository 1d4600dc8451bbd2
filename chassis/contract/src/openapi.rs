//! Generates the OpenAPI 3.1 document of a contract from the contract's description. Clients are generated from the
//! documents, so each schema has the form that generators read.

// Operations beside the methods.
mod chassis;
// Parts that the document of a public API shares.
mod parameters;
mod portable;
mod problems;

use serde_json::{Map, Value, json};

use crate::description::{ContractDescription, ErrorDescription, MethodDescription};
use crate::problem::MAY_HAVE_EXECUTED;

pub use self::parameters::parameters;
pub use self::portable::{camel_case, make_portable};
pub use self::problems::{PROBLEM, problem_responses, problem_schema};

use self::problems::allows_null;

/// Name of the response of all call failures.
const CALL_FAILURE: &str = "CallFailure";

/// The OpenAPI document, with the paths of the contracts surface: methods, identity and events.
#[must_use]
pub fn openapi(contract: &ContractDescription) -> Value {
    let root = format!("/modules/{}/v{}", contract.name, contract.major());
    let mut paths = chassis::paths(contract);
    for method in &contract.methods {
        let path = paths
            .entry(format!("{root}{}", method.path))
            .or_insert_with(|| json!({}));
        path[method.verb.to_lowercase()] = operation(contract, method);
    }
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": contract.name,
            "version": contract.version,
            "description": contract.doc,
            "x-contract-hash": contract.hash,
        },
        "tags": [{ "name": contract.name, "description": first_sentence(&contract.doc) }],
        "paths": paths,
        "components": {
            "schemas": schemas(contract),
            "responses": { CALL_FAILURE: call_failure_response() },
            "securitySchemes": { "service": { "type": "http", "scheme": "bearer" } },
        },
        "security": [{ "service": [] }],
    });
    make_portable(&mut document);
    document
}

/// The contract's own schemas, and those of the chassis and of problems.
fn schemas(contract: &ContractDescription) -> Map<String, Value> {
    let mut schemas: Map<String, Value> = contract.schemas.clone().into_iter().collect();
    schemas.extend(chassis::schemas().map(|(name, schema)| (name.to_owned(), schema)));
    schemas.insert(PROBLEM.to_owned(), problem_schema());
    schemas.insert(CALL_FAILURE.to_owned(), call_failure_schema());
    for error in contract.methods.iter().flat_map(|method| contract.errors_of(method)) {
        schemas.insert(error.schema_name(), error.problem_schema());
    }
    schemas
}

/// A problem that is no error of the contract.
fn call_failure_schema() -> Value {
    let mut schema = problem_schema();
    schema["description"] = json!("A call that failed without an answer of the module.");
    schema["properties"][MAY_HAVE_EXECUTED] =
        json!({ "type": "boolean", "description": "Whether the call may have taken effect." });
    schema["properties"]["retry_after_ms"] = json!({
        "type": "integer",
        "minimum": 0,
        "description": "Pause before the next attempt, for `overloaded`.",
    });
    for (name, description) in [
        ("module", "The module that failed, for `dependency`."),
        ("method", "The method that failed, for `dependency`."),
        ("cause", "Code of the failure in that method, for `dependency`."),
    ] {
        schema["properties"][name] = json!({ "type": "string", "description": description });
    }
    if let Value::Array(required) = &mut schema["required"] {
        required.push(json!(MAY_HAVE_EXECUTED));
    }
    schema
}

fn call_failure_response() -> Value {
    json!({
        "description": "The call failed without an answer of the module: unavailable, overloaded, refused, timed out or \
                        failed.",
        "content": {
            "application/problem+json": { "schema": { "$ref": format!("#/components/schemas/{CALL_FAILURE}") } },
        },
    })
}

fn operation(contract: &ContractDescription, method: &MethodDescription) -> Value {
    let doc = with_codes(&method.doc, &method.errors);
    let mut operation = json!({
        "operationId": method.name,
        "tags": [contract.name],
        "summary": first_sentence(&doc),
        "description": doc,
        "parameters": parameters(&method.params, &method.path),
        "responses": responses(contract, method),
        "x-idempotency-class": method.class,
        "x-timeout-ms": method.timeout_ms,
    });
    if let Some(body) = &method.body {
        operation["x-max-body-bytes"] = json!(method.max_bytes);
        operation["requestBody"] = json!({
            "required": true,
            "content": { "application/json": { "schema": body } },
        });
    }
    operation
}

/// A documentation text with the codes of errors in the place of their variants.
fn with_codes(doc: &str, errors: &[ErrorDescription]) -> String {
    errors.iter().fold(doc.to_owned(), |doc, error| {
        doc.replace(&format!("`{}`", error.variant), &format!("`{}`", error.code))
    })
}

/// The first sentence of a documentation text, which may continue over several lines.
fn first_sentence(doc: &str) -> String {
    let paragraph = doc.split("\n\n").next().unwrap_or_default().replace('\n', " ");
    match paragraph.split_once(". ") {
        Some((sentence, _)) => format!("{sentence}."),
        None => paragraph,
    }
}

fn responses(contract: &ContractDescription, method: &MethodDescription) -> Map<String, Value> {
    let errors: Vec<ErrorDescription> = contract.errors_of(method).into_iter().cloned().collect();
    let mut responses = problem_responses(&errors);
    if let Some(answer) = &method.answer {
        let answered = json!({ "description": "The answer.", "content": { "application/json": { "schema": answer } } });
        responses.insert("200".to_owned(), answered);
    }
    // An answer without a value has no body.
    if method.answer.as_ref().is_none_or(allows_null) {
        responses.insert("204".to_owned(), json!({ "description": "Done." }));
    }
    let failure = json!({ "$ref": format!("#/components/responses/{CALL_FAILURE}") });
    responses.insert("default".to_owned(), failure);
    responses
}
