//! Section "Requests", bodies.
//!
//! A body that a deviating server could take goes to safe methods only. Methods with effects get bodies that no server can
//! decode.

use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use offshoot_contract::MethodDescription;
use serde_json::Value;

use crate::expectation::Expectation;
use crate::sample::Fields;
use crate::tester::Tester;

/// Vectors that need a safe method with a body.
const SAFE_ONLY: [&str; 6] = [
    "text-after-json",
    "array-for-object",
    "unknown-field",
    "repeated-field",
    "missing-field",
    "other-content-type",
];

pub(super) async fn send(tester: &mut Tester) {
    let safe = tester.method(|method| method.class == "safe" && method.body.is_some());
    match safe {
        Some(safe) => send_valid_json(tester, &safe).await,
        None => tester.skip(&SAFE_ONLY, "the contract has no safe method with a body"),
    }
    let any = tester.method(|method| method.class == "safe" && method.body.is_some());
    match any.or_else(|| tester.method(|method| method.body.is_some())) {
        Some(any) => send_undecodable(tester, &any).await,
        None => tester.skip(
            &[
                "broken-json",
                "empty-body",
                "encoded-body",
                "large-body",
                "size-before-arguments",
            ],
            "the contract has no method with a body",
        ),
    }
}

async fn send_undecodable(tester: &mut Tester, method: &MethodDescription) {
    let call = tester.call(method, None);
    let gzip = |body: &str| call.clone().with(CONTENT_ENCODING, "gzip").with_body(body);
    let too_large = u64::try_from(method.max_bytes).unwrap_or(u64::MAX - 1) + 1;
    // A request without any body must be refused as well.
    let empty = call.clone().with(CONTENT_TYPE, "application/json");
    for (vector, probe, status, code) in [
        ("broken-json", call.clone().with_body("{"), 400, "bad-request"),
        ("empty-body", empty, 400, "bad-request"),
        ("encoded-body", gzip("not gzip"), 415, "encoded-body"),
        ("size-before-arguments", gzip("{"), 415, "encoded-body"),
    ] {
        let refused = tester.identity.refusal(status, code);
        tester.expect(vector, probe, refused).await;
    }
    let large = call.with_announced_body(too_large);
    tester
        .expect("large-body", large, closed(tester.identity.refusal(413, "too-large")))
        .await;
}

/// The server ends the connection, because the body is still on the way.
fn closed(refused: Expectation) -> Expectation {
    Box::new(|answer| {
        refused(answer)?;
        let connection = answer.header("connection").unwrap_or_default();
        match connection.eq_ignore_ascii_case("close") {
            true => Ok(()),
            false => Err("the header connection is not close".to_owned()),
        }
    })
}

async fn send_valid_json(tester: &mut Tester, method: &MethodDescription) {
    let body = tester.body(method, Fields::Required).unwrap_or_default();
    let call = tester.call(method, Some(body.to_string()));
    let text = call
        .clone()
        .with(CONTENT_TYPE, "text/plain")
        .with_body(body.to_string());
    tester.expect("other-content-type", text, tester.fits(method)).await;

    let refused = |tester: &Tester| tester.identity.refusal(400, "bad-request");
    let after = call.clone().with_body(format!("{body} {{}}"));
    tester.expect("text-after-json", after, refused(tester)).await;
    let members = body.as_object().cloned().unwrap_or_default();
    let values: Vec<_> = members.values().cloned().collect();
    let array = call.clone().with_body(Value::from(values).to_string());
    tester.expect("array-for-object", array, refused(tester)).await;
    let mut more = members.clone();
    more.insert("no_such_field".to_owned(), Value::from(1));
    let unknown = call.clone().with_body(Value::from(more).to_string());
    tester.expect("unknown-field", unknown, refused(tester)).await;

    let Some((name, value)) = members.iter().next() else {
        tester.skip(&["repeated-field", "missing-field"], "the body has no required field");
        return;
    };
    let rest = body.to_string();
    let twice = format!(
        "{{{}:{value},{}",
        Value::from(name.as_str()),
        rest.trim_start_matches('{')
    );
    tester
        .expect("repeated-field", call.clone().with_body(twice), refused(tester))
        .await;
    tester
        .expect("missing-field", call.with_body("{}"), refused(tester))
        .await;
}
