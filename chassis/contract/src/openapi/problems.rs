//! Problems in OpenAPI documents: a named schema for each problem, and the responses of an operation. Knows no contract.

use serde_json::{Map, Value, json};

use crate::description::ErrorDescription;

/// Name of the schema of all problems.
pub const PROBLEM: &str = "Problem";

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

impl ErrorDescription {
    /// Name of the error's schema.
    #[must_use]
    pub fn schema_name(&self) -> String {
        format!("{}{PROBLEM}", self.variant)
    }

    /// JSON schema of the error as a problem: the members of every problem and the fields of the error in one object, because
    /// generators differ in how they merge schemas.
    #[must_use]
    pub fn problem_schema(&self) -> Value {
        let mut schema = problem_schema();
        schema["description"] = json!(self.doc);
        schema["properties"]["code"] = json!({ "type": "string", "const": self.code });
        for (name, field) in &self.fields {
            let mut field = field.clone();
            // The title is the name of a Rust type, and would name the classes of generated clients.
            field.as_object_mut().map(|members| members.remove("title"));
            if let (Value::Array(required), false) = (&mut schema["required"], allows_null(&field)) {
                required.push(json!(name));
            }
            schema["properties"][name] = field;
        }
        schema
    }
}

/// The responses of an operation that fails with `errors`, one for each status.
#[must_use]
pub fn problem_responses(errors: &[ErrorDescription]) -> Map<String, Value> {
    let mut statuses: Vec<u16> = errors.iter().map(|error| error.status).collect();
    statuses.sort_unstable();
    statuses.dedup();
    let response = |status: u16| {
        let of_status: Vec<_> = errors.iter().filter(|error| error.status == status).collect();
        (status.to_string(), problem_response(&of_status))
    };
    statuses.into_iter().map(response).collect()
}

fn problem_response(errors: &[&ErrorDescription]) -> Value {
    let schema_of = |error: &ErrorDescription| reference(&error.schema_name());
    let schema = match errors {
        [one] => json!({ "$ref": schema_of(one) }),
        several => json!({
            "oneOf": several.iter().map(|error| json!({ "$ref": schema_of(error) })).collect::<Vec<_>>(),
            "discriminator": {
                "propertyName": "code",
                "mapping": several.iter().map(|error| (error.code.clone(), json!(schema_of(error)))).collect::<Map<_, _>>(),
            },
        }),
    };
    let line = |error: &&ErrorDescription| format!("`{}`: {}", error.code, error.doc);
    json!({
        "description": errors.iter().map(line).collect::<Vec<_>>().join("\n\n"),
        "content": { "application/problem+json": { "schema": schema } },
    })
}

fn reference(schema: &str) -> String {
    format!("#/components/schemas/{schema}")
}

/// Whether null is a value of the schema.
pub(super) fn allows_null(schema: &Value) -> bool {
    let types = schema.get("type").and_then(Value::as_array);
    let cases = schema.get("anyOf").and_then(Value::as_array);
    types.is_some_and(|types| types.iter().any(|ty| ty == "null"))
        || cases.is_some_and(|cases| cases.contains(&json!({ "type": "null" })))
}
