//! Compares answers with the OpenAPI document: each status and each problem code of an operation is documented there.

use http::{Method, StatusCode};
use serde_json::Value;

/// The reason why the document does not describe an answer; `None` for a described answer, and for a path or a method
/// without an operation.
pub(crate) fn find_undocumented(
    document: &Value,
    (method, path): (&Method, &str),
    status: StatusCode,
    code: &str,
) -> Option<String> {
    let (template, operations) = find_path(document, path)?;
    let operation = operations.get(method.as_str().to_lowercase())?;
    let responses = &operation["responses"];
    let Some(response) = responses.get(status.as_str()) else {
        return Some(format!("{method} {template} has no response {status} {code}"));
    };
    let codes = codes(document, response);
    let is_documented = status.is_success() || codes.contains(&code);
    (!is_documented).then(|| format!("{method} {template} has {codes:?} and not {code} for {status}"))
}

fn find_path<'a>(document: &'a Value, path: &str) -> Option<(&'a String, &'a Value)> {
    let matches = |template: &str| {
        let (pattern, given): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
        let same = |(pattern, given): (&&str, &&str)| pattern.starts_with('{') || pattern == given;
        pattern.len() == given.len() && pattern.iter().zip(&given).all(same)
    };
    document["paths"]
        .as_object()?
        .iter()
        .find(|(template, _)| matches(template))
}

/// The problem codes of a response.
pub(crate) fn codes<'a>(document: &'a Value, response: &'a Value) -> Vec<&'a str> {
    let schema = &resolve(document, response)["content"]["application/problem+json"]["schema"];
    let cases = schema["oneOf"].as_array();
    let cases = cases.map_or_else(|| vec![schema], |cases| cases.iter().collect());
    let code = |case: &'a Value| resolve(document, case)["properties"]["code"]["const"].as_str();
    cases.into_iter().filter_map(code).collect()
}

fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let target = value["$ref"]
        .as_str()
        .and_then(|path| document.pointer(path.trim_start_matches('#')));
    target.unwrap_or(value)
}

#[test]
fn an_undocumented_status_or_code_is_found() {
    let gone = serde_json::json!({ "properties": { "code": { "const": "gone" } } });
    let document = serde_json::json!({
        "paths": { "/stations/{id}": { "get": { "responses": {
            "200": {},
            "410": { "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Gone" } } } },
        } } } },
        "components": { "schemas": { "Gone": gone } },
    });
    let find = |path, status: u16, code| {
        let status = StatusCode::from_u16(status).expect("a valid status");
        find_undocumented(&document, (&Method::GET, path), status, code)
    };
    for (path, status, code) in [
        ("/stations/1", 200, ""),
        ("/stations/1", 410, "gone"),
        ("/other", 404, "unknown-route"),
    ] {
        assert_eq!(find(path, status, code), None);
    }
    assert!(find("/stations/1", 202, "").is_some_and(|why| why.contains("no response 202")));
    assert!(find("/stations/1", 410, "lost").is_some_and(|why| why.contains("not lost")));
}
