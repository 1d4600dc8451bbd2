//! Arguments made up from the schemas of a contract. Ids are random, so that they name nothing that exists.

use std::collections::BTreeMap;

use rand::RngExt as _;
use serde_json::{Map, Value, json};

use crate::fit::id_prefix;

/// Depth at which a recursive schema ends.
const MAX_DEPTH: usize = 12;

/// Which optional fields an object gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fields {
    Required,
    All,
}

/// A value of the schema. `schemas`: the named schemas of the contract.
pub(crate) fn value(schema: &Value, schemas: &BTreeMap<String, Value>, fields: Fields) -> Value {
    Maker { schemas, fields }.make(schema, 0)
}

/// The text of a scalar in a path or a query.
pub(crate) fn scalar_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

struct Maker<'a> {
    schemas: &'a BTreeMap<String, Value>,
    fields: Fields,
}

impl Maker<'_> {
    fn make(&self, schema: &Value, depth: usize) -> Value {
        if depth > MAX_DEPTH {
            return Value::Null;
        }
        if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
            return self
                .schemas
                .get(name)
                .map_or(Value::Null, |schema| self.make(schema, depth + 1));
        }
        let cases = ["anyOf", "oneOf", "allOf"]
            .iter()
            .find_map(|word| schema[word].as_array());
        if let Some(case) = cases.and_then(|cases| cases.iter().find(|case| case["type"] != "null")) {
            return self.make(case, depth + 1);
        }
        if let Some(constant) = schema.get("const").or_else(|| schema["enum"].get(0)) {
            return constant.clone();
        }
        let first = schema["type"]
            .as_array()
            .and_then(|types| types.iter().find(|ty| *ty != "null"));
        match first.unwrap_or(&schema["type"]).as_str() {
            Some("string") => json!(text(schema)),
            Some("integer") => json!(schema["minimum"].as_i64().unwrap_or(1).max(1)),
            Some("number") => json!(1.0),
            Some("boolean") => json!(false),
            Some("array") => json!([]),
            Some("object") => self.make_object(schema, depth),
            _ => Value::Null,
        }
    }

    fn make_object(&self, schema: &Value, depth: usize) -> Value {
        let required = schema["required"].as_array();
        let is_required = |name: &str| required.is_some_and(|names| names.iter().any(|each| each == name));
        let wanted = |name: &str| self.fields == Fields::All || is_required(name);
        let properties = schema["properties"].as_object().into_iter().flatten();
        let members: Map<_, _> = properties
            .filter(|(name, _)| wanted(name))
            .map(|(name, schema)| (name.clone(), self.make(schema, depth + 1)))
            .collect();
        Value::Object(members)
    }
}

fn text(schema: &Value) -> String {
    if schema["format"] == "date-time" {
        return "2010-12-01T08:26:00Z".to_owned();
    }
    let mut random = rand::rng();
    match schema["pattern"].as_str() {
        Some(pattern) if id_prefix(pattern).is_some() => {
            let mut digit = || char::from(b"0123456789abcdefghjkmnpqrstvwxyz"[random.random_range(0..32)]);
            let digits: String = (0..25).map(|_| digit()).collect();
            format!("{}_0{digits}", id_prefix(pattern).unwrap_or_default())
        }
        Some("^[A-Z]{3}$") => "GBP".to_owned(),
        Some(_) => "1.00".to_owned(),
        // Lower-case letters, digits and a hyphen are valid in most names.
        None => format!("conformance-{:08x}", random.random::<u32>()),
    }
}

/// JSON with the fields of every object in reverse order.
pub(crate) fn reversed(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let members: Vec<_> = members
                .iter()
                .rev()
                .map(|(name, value)| format!("{}:{}", json!(name), reversed(value)))
                .collect();
            format!("{{{}}}", members.join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(reversed).collect::<Vec<_>>().join(",")),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn required_fields_are_made_up_by_type() {
        let schemas = BTreeMap::from([(
            "station_id".to_owned(),
            json!({ "type": "string", "pattern": "^station_[0-7][0-9a-hjkmnp-tv-z]{25}$" }),
        )]);
        let schema = json!({
            "type": "object",
            "properties": {
                "id": { "$ref": "#/components/schemas/station_id" },
                "level": { "type": ["integer", "null"], "minimum": 5 },
                "note": { "type": "string" },
                "kind": { "oneOf": [{ "const": "low" }, { "const": "high" }] },
            },
            "required": ["id", "level", "kind"],
        });
        let made = value(&schema, &schemas, Fields::Required);
        let shape = offshoot_contract::Shape::from_schema(&schema, &schemas);
        assert_eq!(crate::fit::check(&shape, &made), Ok(()));
        assert_eq!((&made["level"], &made["kind"]), (&json!(5), &json!("low")));
        assert!(made.get("note").is_none());
        assert!(value(&schema, &schemas, Fields::All)["note"].is_string());
    }

    #[test]
    fn reversed_json_is_the_same_value() {
        let value = json!({ "a": [{ "b": 1, "c": "x" }], "d": null });
        assert_eq!(reversed(&value), r#"{"d":null,"a":[{"c":"x","b":1}]}"#);
    }
}
