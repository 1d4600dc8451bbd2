//! The OpenAPI 3.1 document of the public API, made from the table of operations.

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use offshoot_contract::problem_schema;

use super::ROOT;
use super::operation::{Operation, SchemaOf};

/// Prefix of references between schemas.
const DEFINITIONS: &str = "/components/schemas";

pub(super) fn document(operations: &[Operation]) -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = DEFINITIONS.into();
        settings.meta_schema = None;
    });
    let mut generator = settings.into_generator();
    let mut paths = Map::new();
    for operation in operations {
        let path = paths
            .entry(format!("{ROOT}{}", operation.path))
            .or_insert_with(|| json!({}));
        path[operation.verb] = described(operation, &mut generator);
    }
    let mut schemas = generator.take_definitions(true);
    schemas.insert("Problem".to_owned(), problem_schema());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "The store",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Products, carts, orders and reports. Every error is a problem (RFC 9457) with a stable `code` and a `trace_id`.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": { "operator": { "type": "http", "scheme": "bearer", "description": "An operator's token." } },
        },
    })
}

fn described(operation: &Operation, generator: &mut SchemaGenerator) -> Value {
    let mut responses = Map::new();
    let answer = (operation.answer.schema)(generator);
    responses.insert(
        operation.answer.status.to_string(),
        json!({ "description": "The result.", "content": { "application/json": { "schema": answer } } }),
    );
    let failures = operation
        .failures
        .iter()
        .map(u16::to_string)
        .chain(["default".to_owned()]);
    for status in failures {
        responses.insert(
            status,
            json!({
                "description": "A problem; `code` names the error.",
                "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } },
            }),
        );
    }
    let mut described = json!({
        "operationId": operation_id(operation),
        "summary": operation.summary,
        "parameters": parameters(operation, generator),
        "responses": responses,
    });
    if operation.for_operators {
        described["security"] = json!([{ "operator": [] }]);
    }
    if let Some(body) = &operation.body {
        let schema = (body.schema)(generator);
        described["requestBody"] =
            json!({ "required": body.required, "content": { "application/json": { "schema": schema } } });
    }
    described
}

fn parameters(operation: &Operation, generator: &mut SchemaGenerator) -> Vec<Value> {
    let id = |(name, schema): &(&str, SchemaOf)| json!({ "name": name, "in": "path", "required": true, "schema": schema(generator) });
    let mut parameters: Vec<Value> = operation.ids.iter().map(id).collect();
    if let Some(query) = operation.query {
        let schema = query(generator).to_value();
        for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
            parameters.push(json!({ "name": name, "in": "query", "schema": schema }));
        }
    }
    if operation.verb != "get" {
        parameters.push(json!({
            "name": "Idempotency-Key",
            "in": "header",
            "description": "A request repeated under the same key within a day returns the first response and has no second effect.",
            "schema": { "type": "string", "minLength": 1, "maxLength": 128 },
        }));
    }
    parameters
}

/// An operation id such as `put_carts_one_lines`, from the verb and the words of the path; a parameter becomes `one`.
fn operation_id(operation: &Operation) -> String {
    let words = operation.path.split('/').filter(|word| !word.is_empty());
    let words = words.map(|word| if word.starts_with('{') { "one" } else { word });
    std::iter::once(operation.verb)
        .chain(words)
        .collect::<Vec<_>>()
        .join("_")
}
