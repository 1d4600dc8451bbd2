//! Parameters of operations, made of the schema of a struct with one field for each parameter. Knows no contract.

use serde_json::{Map, Value, json};

/// The parameters of an operation. A field whose name is in `path` as `{name}` is a path parameter, any other field a
/// query parameter. `fields` is the schema of a struct.
#[must_use]
pub fn parameters(fields: &Value, path: &str) -> Vec<Value> {
    let required = fields.get("required").and_then(Value::as_array);
    let is_required = |name: &str| required.is_some_and(|names| names.iter().any(|known| known == name));
    let properties = fields.get("properties").and_then(Value::as_object);
    let describe = |(name, schema): (&String, &Value)| {
        let in_path = path.contains(&format!("{{{name}}}"));
        parameter(name, in_path, in_path || is_required(name), schema)
    };
    properties.into_iter().flatten().map(describe).collect()
}

fn parameter(name: &str, in_path: bool, required: bool, schema: &Value) -> Value {
    let mut schema = without_null(schema);
    let description = schema.as_object_mut().and_then(|members| members.remove("description"));
    let mut parameter = json!({
        "name": name,
        "in": if in_path { "path" } else { "query" },
        "required": required,
        "schema": schema,
    });
    if let Some(description) = description {
        parameter["description"] = description;
    }
    parameter
}

/// The schema without null: an optional parameter is absent, because a URL cannot say null.
fn without_null(schema: &Value) -> Value {
    let Value::Object(members) = schema else {
        return schema.clone();
    };
    let mut members = members.clone();
    if let Some(Value::Array(types)) = members.get_mut("type") {
        types.retain(|ty| ty != "null");
        if let [one] = types.as_slice() {
            let one = one.clone();
            members.insert("type".to_owned(), one);
        }
    }
    if let Some(Value::Array(cases)) = members.remove("anyOf") {
        let kept: Vec<_> = cases
            .into_iter()
            .filter(|case| *case != json!({ "type": "null" }))
            .collect();
        match <[Value; 1]>::try_from(kept) {
            Ok([Value::Object(case)]) => members = merged(case, members),
            Ok([case]) => return case,
            Err(kept) => drop(members.insert("anyOf".to_owned(), Value::Array(kept))),
        }
    }
    if members.get("default") == Some(&Value::Null) {
        members.remove("default");
    }
    Value::Object(members)
}

/// Both schemas in one; `outer` describes the field, and wins.
fn merged(mut inner: Map<String, Value>, outer: Map<String, Value>) -> Map<String, Value> {
    inner.extend(outer);
    inner
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn optional_parameters_are_not_null_and_required_ones_are_marked() {
        let fields = json!({
            "properties": {
                "id": { "type": "string" },
                "by": { "$ref": "#/components/schemas/By", "description": "Grouping." },
                "size": { "type": ["integer", "null"], "maximum": 100, "default": null },
                "kind": { "anyOf": [{ "$ref": "#/components/schemas/Kind" }, { "type": "null" }] },
            },
            "required": ["id", "by"],
        });
        let mut found = parameters(&fields, "/stations/{id}");
        found.sort_by_key(|parameter| parameter["name"].to_string());
        assert_eq!(
            found,
            [
                json!({
                    "name": "by", "in": "query", "required": true, "description": "Grouping.",
                    "schema": { "$ref": "#/components/schemas/By" },
                }),
                json!({ "name": "id", "in": "path", "required": true, "schema": { "type": "string" } }),
                json!({
                    "name": "kind", "in": "query", "required": false,
                    "schema": { "$ref": "#/components/schemas/Kind" },
                }),
                json!({
                    "name": "size", "in": "query", "required": false,
                    "schema": { "type": "integer", "maximum": 100 },
                }),
            ]
        );
    }
}
