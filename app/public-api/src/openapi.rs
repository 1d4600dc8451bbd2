//! The OpenAPI 3.1 document of the public API, made from the table of operations.

use std::collections::BTreeSet;

use http::StatusCode;
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use offshoot_contract::{
    ErrorDescription, MAX_KEY_LENGTH, PROBLEM, make_portable, parameters, problem_responses, problem_schema,
};

use super::ROOT;
use super::audience::{Audience, CLIENT, security_schemes};
use super::operation::{Operation, SchemaOf};
use super::operations::TAGS;
use super::problems::{REPEATED_HEADER, RequestProblem, failures};

/// Prefix of references between schemas.
const DEFINITIONS: &str = "/components/schemas";

pub(super) fn document(operations: &[Operation]) -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = DEFINITIONS.into();
        settings.meta_schema = None;
    });
    let mut generator = settings.into_generator();
    let mut paths = Map::new();
    let mut schemas = Map::new();
    for operation in operations {
        let problems = problems(operation);
        let path = paths
            .entry(format!("{ROOT}{}", operation.path))
            .or_insert_with(|| json!({}));
        path[operation.verb] = described(operation, &problems, &mut generator);
        schemas.extend(
            problems
                .iter()
                .chain(&failures(true))
                .map(|problem| (problem.schema_name(), problem.problem_schema())),
        );
    }
    schemas.insert(PROBLEM.to_owned(), problem_schema());
    schemas.extend(generator.take_definitions(true));
    let tag = |(name, description): (&str, &str)| json!({ "name": name, "description": description });
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "The store",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Products, carts, orders and reports. Every error is a problem (RFC 9457) with a stable `code` and a `trace_id`.",
        },
        "tags": TAGS.map(tag),
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": common_responses(),
            "securitySchemes": security_schemes(),
        },
    });
    make_portable(&mut document);
    document
}

/// Problems of an operation, without the failures that every operation has.
fn problems(operation: &Operation) -> Vec<ErrorDescription> {
    let keys = RequestProblem::OF_KEYS.into_iter().filter(|_| operation.has_effect);
    let refusals = operation
        .refusals
        .iter()
        .copied()
        .chain(keys)
        .chain([REPEATED_HEADER])
        .map(RequestProblem::describe);
    let errors = operation.errors.iter().flat_map(|errors| errors());
    let errors = errors.chain(operation.audience.errors());
    let inside = failures(operation.body.is_some())
        .into_iter()
        .filter(|failure| failure.status < 500);
    let mut seen = BTreeSet::new();
    let mut problems: Vec<_> = refusals.chain(errors).chain(inside).collect();
    problems.retain(|problem| seen.insert(problem.variant.clone()));
    problems
}

/// Responses of every operation, by name.
fn common_responses() -> Map<String, Value> {
    let mut responses = Map::new();
    for (status, mut response) in problem_responses(&failures(false)) {
        let name = response_name(&status);
        if name == "ServiceUnavailable" {
            response["headers"] = json!({ "Retry-After": {
                "description": "Pause before the next attempt, seconds.",
                "schema": { "type": "integer", "minimum": 1 },
            } });
        }
        responses.insert(name, response);
    }
    let any = json!({
        "description": "A problem of a later version of the application.",
        "content": { "application/problem+json": { "schema": { "$ref": format!("#{DEFINITIONS}/{PROBLEM}") } } },
    });
    responses.insert(PROBLEM.to_owned(), any);
    responses
}

/// `GatewayTimeout` for `504`.
fn response_name(status: &str) -> String {
    let status = StatusCode::from_bytes(status.as_bytes()).unwrap_or_default();
    status.canonical_reason().unwrap_or_default().replace(' ', "")
}

fn described(operation: &Operation, problems: &[ErrorDescription], generator: &mut SchemaGenerator) -> Value {
    let mut described = json!({
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
        "parameters": all_parameters(operation, generator),
        "responses": responses(operation, problems, generator),
        "security": operation.audience.security(),
    });
    if let Some(body) = &operation.body {
        let schema = (body.schema)(generator);
        described["requestBody"] =
            json!({ "required": body.required, "content": { "application/json": { "schema": schema } } });
    }
    described
}

fn responses(
    operation: &Operation,
    problems: &[ErrorDescription],
    generator: &mut SchemaGenerator,
) -> Map<String, Value> {
    let mut responses = problem_responses(problems);
    if let Some(unauthenticated) = responses.get_mut("401") {
        unauthenticated["headers"] =
            json!({ "WWW-Authenticate": { "description": "`Bearer`.", "schema": { "type": "string" } } });
    }
    let schema = (operation.answer)(generator);
    for success in &operation.successes {
        let mut response =
            json!({ "description": success.description, "content": { "application/json": { "schema": schema } } });
        if success.has_location {
            response["headers"] =
                json!({ "Location": { "description": "Path of the resource.", "schema": { "type": "string" } } });
        }
        responses.insert(success.status.to_string(), response);
    }
    let reference = |name: &str| json!({ "$ref": format!("#/components/responses/{name}") });
    for failure in failures(false) {
        let status = failure.status.to_string();
        let common = reference(&response_name(&status));
        responses.insert(status, common);
    }
    responses.insert("default".to_owned(), reference(PROBLEM));
    responses
}

fn all_parameters(operation: &Operation, generator: &mut SchemaGenerator) -> Vec<Value> {
    let id = |(name, schema): &(&str, SchemaOf)| json!({ "name": name, "in": "path", "required": true, "schema": schema(generator) });
    let mut all: Vec<Value> = operation.ids.iter().map(id).collect();
    if let Some(query) = operation.query {
        all.extend(parameters(&query(generator).to_value(), ""));
    }
    if operation.has_effect {
        all.push(json!({
            "name": "Idempotency-Key",
            "in": "header",
            "description": "A request repeated under the same key within a day returns the first response and has no second effect. A key holds for the operator, or for the cart or the order in the path, or else for the client. Printable ASCII without spaces.",
            "schema": { "type": "string", "minLength": 1, "maxLength": MAX_KEY_LENGTH, "pattern": "^[!-~]+$" },
        }));
    }
    if operation.has_effect && operation.audience == Audience::Anyone && operation.ids.is_empty() {
        all.push(json!({
            "name": CLIENT,
            "in": "cookie",
            "description": "Id of the client for which idempotency keys hold. The response to a request with a key and without this cookie sets the cookie; a client may choose an id at random instead.",
            "schema": { "type": "string", "pattern": "^[0-9a-f]{32}$" },
        }));
    }
    all
}
