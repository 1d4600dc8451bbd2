//! Brings schemas and texts into the form that generators of clients read. Knows no contract.

use serde_json::{Map, Value, json};

/// Rewrites a whole document: enums of strings become `enum` instead of a union of constants, the cases of other unions
/// get titles, and links of Rust documentation become plain names.
///
/// Unions that a client has to tell apart stay as they are, such as a value or null.
pub fn make_portable(document: &mut Value) {
    if let Some(Value::Object(schemas)) = document.pointer_mut("/components/schemas") {
        for (name, schema) in schemas {
            name_cases(name, schema);
        }
    }
    rewrite(document);
}

fn rewrite(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.values_mut().for_each(rewrite);
            merge_constants(members);
            for name in ["description", "summary"] {
                if let Some(Value::String(text)) = members.get_mut(name) {
                    *text = without_links(text);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(rewrite),
        _ => {}
    }
}

/// Turns a union of string constants into an `enum`. The descriptions of the constants become a list in the description.
fn merge_constants(schema: &mut Map<String, Value>) {
    let union = ["oneOf", "anyOf"].into_iter().find(|word| schema.contains_key(*word));
    let Some((union, Value::Array(cases))) = union.and_then(|word| Some((word, schema.get(word)?))) else {
        return;
    };
    let Some(constants) = cases.iter().map(constants).collect::<Option<Vec<_>>>() else {
        return;
    };
    let values: Vec<&Value> = constants.iter().flat_map(|(values, _)| values).collect();
    let described = constants.iter().filter_map(|(values, text)| {
        let names: Vec<_> = values
            .iter()
            .filter_map(Value::as_str)
            .map(|name| format!("`{name}`"))
            .collect();
        text.map(|text| format!("- {}: {}", names.join(", "), text.replace('\n', " ")))
    });
    let list = described.collect::<Vec<_>>().join("\n");
    let own = schema.get("description").and_then(Value::as_str).unwrap_or_default();
    let description = [own, &list]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("\n\n");
    let values = json!(values);
    schema.remove(union);
    schema.insert("type".to_owned(), json!("string"));
    schema.insert("enum".to_owned(), values);
    if !description.is_empty() {
        schema.insert("description".to_owned(), json!(description));
    }
}

/// The strings and the description of a schema that allows only certain strings.
fn constants(schema: &Value) -> Option<(Vec<Value>, Option<&str>)> {
    let schema = schema.as_object()?;
    let is_known = |name: &String| ["type", "const", "enum", "description", "title"].contains(&name.as_str());
    if !schema.keys().all(is_known) {
        return None;
    }
    let values = match (schema.get("const"), schema.get("enum")) {
        (Some(value), _) => vec![value.clone()],
        (None, Some(Value::Array(values))) => values.clone(),
        _ => return None,
    };
    let text = schema.get("description").and_then(Value::as_str);
    values.iter().all(Value::is_string).then_some((values, text))
}

/// Gives each case of a tagged union a title, from which generators make the name of a class.
fn name_cases(name: &str, schema: &mut Value) {
    let Some(Value::Array(cases)) = schema.get_mut("oneOf") else {
        return;
    };
    for case in cases {
        let properties = case.get("properties").and_then(Value::as_object);
        let mut tags = properties
            .into_iter()
            .flatten()
            .filter_map(|(_, property)| property.get("const")?.as_str());
        if let (Some(tag), None) = (tags.next(), tags.next()) {
            case["title"] = json!(format!("{name}{}", camel_case(tag)));
        }
    }
}

/// `UnknownStation` for `unknown-station`.
pub fn camel_case(code: &str) -> String {
    let words = code.split(['-', '_']);
    let capitalized = words.map(|word| {
        let (first, rest) = word.split_at_checked(1).unwrap_or((word, ""));
        first.to_ascii_uppercase() + rest
    });
    capitalized.collect()
}

/// A documentation text with the names of links in the place of the links, and without the targets.
fn without_links(text: &str) -> String {
    let is_target = |line: &&str| !(line.starts_with('[') && line.contains("]: "));
    let text = text.lines().filter(is_target).collect::<Vec<_>>().join("\n");
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.trim_end();
    while let Some((before, link)) = rest.split_once("[`") {
        let Some((name, after)) = link.split_once("`]") else {
            break;
        };
        plain.push_str(before);
        plain.push_str(&format!("`{}`", name.rsplit("::").next().unwrap_or(name)));
        rest = after_target(after);
    }
    plain + rest
}

/// The text after the target of a link, if the text begins with one: `(..)` or `[..]`.
fn after_target(text: &str) -> &str {
    [('(', ')'), ('[', ']')]
        .into_iter()
        .find_map(|(open, close)| Some(text.strip_prefix(open)?.split_once(close)?.1))
        .unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn portable(mut schema: Value) -> Value {
        make_portable(&mut schema);
        schema
    }

    #[test]
    fn an_enum_of_strings_keeps_the_descriptions_of_its_values() {
        let schema = json!({
            "description": "A signal.",
            "oneOf": [
                { "type": "string", "const": "clear", "description": "Trains may\npass." },
                { "type": "string", "enum": ["dark", "broken"] },
                { "type": "string", "const": "at-danger", "description": "Trains must stop." },
            ],
            "x-open": true,
        });
        assert_eq!(
            portable(schema),
            json!({
                "type": "string",
                "enum": ["clear", "dark", "broken", "at-danger"],
                "description": "A signal.\n\n- `clear`: Trains may pass.\n- `at-danger`: Trains must stop.",
                "x-open": true,
            })
        );
    }

    #[test]
    fn an_enum_inside_a_union_with_null_becomes_an_enum_and_the_union_stays() {
        let signal = json!({ "oneOf": [{ "type": "string", "const": "clear" }] });
        assert_eq!(
            portable(json!({ "anyOf": [signal, { "type": "null" }] })),
            json!({ "anyOf": [{ "type": "string", "enum": ["clear"] }, { "type": "null" }] })
        );
    }

    #[test]
    fn unions_of_other_values_stay() {
        for schema in [
            json!({ "anyOf": [{ "$ref": "#/a" }, { "type": "null" }] }),
            json!({ "oneOf": [{ "type": "string", "const": "a" }, { "type": "string" }] }),
            json!({ "oneOf": [{ "type": "integer", "const": 1 }] }),
        ] {
            assert_eq!(portable(schema.clone()), schema);
        }
    }

    #[test]
    fn the_cases_of_a_tagged_union_have_titles() {
        let tagged =
            |tag: &str| json!({ "type": "object", "properties": { "outcome": { "type": "string", "const": tag } } });
        let document =
            json!({ "components": { "schemas": { "Arrival": { "oneOf": [tagged("too-late"), tagged("known")] } } } });
        let cases = &portable(document)["components"]["schemas"]["Arrival"]["oneOf"];
        assert_eq!(cases[0]["title"], "ArrivalTooLate");
        assert_eq!(cases[1]["title"], "ArrivalKnown");
    }

    #[test]
    fn links_become_names() {
        for (text, plain) in [
            (
                "At most [`MAX`], or [`crate::page::Page`].",
                "At most `MAX`, or `Page`.",
            ),
            (
                "See [`max`](Self::max) and [`min`][low].\n\n[low]: crate::low",
                "See `max` and `min`.",
            ),
            ("A list [0, 1] and `code`.", "A list [0, 1] and `code`."),
            ("An open [`link", "An open [`link"),
        ] {
            assert_eq!(without_links(text), plain);
        }
    }
}
