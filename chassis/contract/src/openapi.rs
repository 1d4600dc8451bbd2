//! Generates the OpenAPI 3.1 document of a contract from the contract's description.

use serde_json::{Map, Value, json};

use crate::description::{ContractDescription, ErrorDescription, MethodDescription};

/// The OpenAPI document, with the paths of the contracts surface.
#[must_use]
pub fn openapi(contract: &ContractDescription) -> Value {
    let root = format!("/modules/{}/v{}", contract.name, contract.major());
    let mut paths = Map::new();
    for method in &contract.methods {
        let path = paths
            .entry(format!("{root}{}", method.path))
            .or_insert_with(|| json!({}));
        path[method.verb.to_lowercase()] = operation(method);
    }
    let mut schemas: Map<String, Value> = contract.schemas.clone().into_iter().collect();
    schemas.insert("Problem".to_owned(), problem_schema());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": contract.name,
            "version": contract.version,
            "description": contract.doc,
            "x-contract-hash": contract.hash,
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": { "service": { "type": "http", "scheme": "bearer" } },
        },
        "security": [{ "service": [] }],
    })
}

/// JSON schema of the members common to all problems.
#[must_use]
pub fn problem_schema() -> Value {
    json!({
        "type": "object",
        "description": "RFC 9457 problem details. Fields of the error are additional members.",
        "properties": {
            "status": { "type": "integer" },
            "code": { "type": "string", "description": "Stable, machine-readable code." },
            "title": { "type": "string" },
            "detail": { "type": "string", "description": "Human-readable explanation of this occurrence." },
            "trace_id": { "type": "string", "description": "Trace id of the request, as logged." },
        },
        "required": ["status", "code", "title", "detail", "trace_id"],
    })
}

fn operation(method: &MethodDescription) -> Value {
    let mut operation = json!({
        "operationId": method.name,
        "summary": first_sentence(&method.doc),
        "description": method.doc,
        "parameters": parameters(method),
        "responses": responses(method),
        "x-idempotency-class": method.class,
    });
    if let Some(body) = &method.body {
        operation["requestBody"] = json!({
            "required": true,
            "content": { "application/json": { "schema": body } },
        });
    }
    operation
}

/// The first sentence of a documentation text, which may continue over several lines.
fn first_sentence(doc: &str) -> String {
    let paragraph = doc.split("\n\n").next().unwrap_or_default().replace('\n', " ");
    match paragraph.split_once(". ") {
        Some((sentence, _)) => format!("{sentence}."),
        None => paragraph,
    }
}

fn parameters(method: &MethodDescription) -> Vec<Value> {
    let required = method.params.get("required").and_then(Value::as_array);
    let is_required = |name: &str| required.is_some_and(|names| names.iter().any(|known| known == name));
    let properties = method.params.get("properties").and_then(Value::as_object);
    let describe = |(name, schema): (&String, &Value)| {
        let in_path = method.path.contains(&format!("{{{name}}}"));
        json!({
            "name": name,
            "in": if in_path { "path" } else { "query" },
            "required": in_path || is_required(name),
            "schema": schema,
        })
    };
    properties.into_iter().flatten().map(describe).collect()
}

fn responses(method: &MethodDescription) -> Map<String, Value> {
    let mut responses = Map::new();
    match &method.answer {
        Some(answer) => responses.insert(
            "200".to_owned(),
            json!({ "description": "The answer.", "content": { "application/json": { "schema": answer } } }),
        ),
        None => responses.insert("204".to_owned(), json!({ "description": "Done." })),
    };
    let mut statuses: Vec<u16> = method.errors.iter().map(|error| error.status).collect();
    statuses.sort_unstable();
    statuses.dedup();
    for status in statuses {
        let errors: Vec<_> = method.errors.iter().filter(|error| error.status == status).collect();
        responses.insert(status.to_string(), problem(&errors));
    }
    responses.insert("default".to_owned(), problem(&[]));
    responses
}

fn problem(errors: &[&ErrorDescription]) -> Value {
    let cases: Vec<Value> = errors.iter().map(|error| problem_case(error)).collect();
    let schema = match cases.len() {
        0 => json!({ "$ref": "#/components/schemas/Problem" }),
        _ => json!({ "allOf": [{ "$ref": "#/components/schemas/Problem" }, { "oneOf": cases }] }),
    };
    let description = match errors {
        [] => "Call failure: unavailable, overloaded, refused, timed out or failed.".to_owned(),
        _ => errors
            .iter()
            .map(|error| format!("`{}`: {}", error.code, error.doc))
            .collect::<Vec<_>>()
            .join("\n"),
    };
    json!({
        "description": description,
        "content": { "application/problem+json": { "schema": schema } },
    })
}

fn problem_case(error: &ErrorDescription) -> Value {
    let mut properties: Map<String, Value> = error.fields.clone().into_iter().collect();
    properties.insert("code".to_owned(), json!({ "const": error.code }));
    let required: Vec<&String> = error.fields.keys().collect();
    json!({ "type": "object", "properties": properties, "required": required })
}
