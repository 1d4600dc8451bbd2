//! Section "Idempotency".

use http::HeaderName;
use offshoot_contract::MethodDescription;
use serde_json::Value;

use super::Basis;
use crate::expectation::Expectation;
use crate::probe::{Answer, Probe};
use crate::sample::{self, Fields};
use crate::tester::Tester;

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Vectors that have effects.
const WRITES: [&str; 3] = ["repeated-call", "reused-key", "reordered-arguments"];

/// Sends keys with a safe call.
pub(super) async fn send(tester: &mut Tester, basis: &Basis) {
    let with = |key: &[u8]| basis.call.clone().and(KEY, key);
    for (vector, probe) in [
        ("empty-key", with(b"")),
        ("long-key", with("k".repeat(129).as_bytes())),
        ("spaced-key", with(b"two%20words")),
        ("unreadable-key", with(b"caf\xc3\xa9")),
    ] {
        let refused = tester.identity.refusal(400, "bad-idempotency-key");
        tester.expect(vector, probe, refused).await;
    }
    let like_basis = tester.identity.like(basis.answer.as_ref());
    tester
        .expect("key-of-safe-call", with(new_key().as_bytes()), like_basis)
        .await;
}

fn new_key() -> String {
    format!("conformance-{:032x}", rand::random::<u128>())
}

/// Sends calls with effects, if the test may.
pub(super) async fn send_writes(tester: &mut Tester) {
    if !tester.subject.writes {
        tester.skip(&WRITES, "needs a call with an effect: `--writes` allows some");
        return;
    }
    let methods = tester.subject.contract.methods.clone();
    let unsafe_ones = methods
        .iter()
        .filter(|method| method.class == "unsafe" && method.body.is_some());
    let mut refusals = Vec::new();
    for method in unsafe_ones {
        match send_writes_of(tester, method).await {
            Ok(()) => return,
            Err(answer) => refusals.push(format!("{}: {answer}", method.name)),
        }
    }
    let refusals = match refusals.is_empty() {
        true => "the contract has no unsafe method with a body".to_owned(),
        false => format!(
            "no unsafe method takes arguments that are made up ({})",
            refusals.join("; ")
        ),
    };
    tester.skip(&WRITES, &refusals);
}

/// Calls an unsafe method under one key again and again. Fails with the answer to the first call if that is not a success.
async fn send_writes_of(tester: &mut Tester, method: &MethodDescription) -> Result<(), String> {
    let body = tester.body(method, Fields::Required).unwrap_or_default();
    let key = new_key();
    // One path for all calls: a path with an id that is made up differs each time.
    let call = tester.call(method, Some(body.to_string())).with(KEY, &key);
    let Some(first) = tester.expect("repeated-call", call.clone(), tester.fits(method)).await else {
        return Ok(());
    };
    if first.status >= 400 {
        return Err(format!("{} {}", first.status, first.json()["code"]));
    }
    tester.expect("repeated-call", call.clone(), same_as(&first)).await;
    let reordered = call.clone().with_body(sample::reversed(&body));
    tester.expect("reordered-arguments", reordered, same_as(&first)).await;
    match other_arguments(tester, method, &body) {
        Some(other) => {
            let reused: Probe = call.with_body(other.to_string());
            let refused = tester.identity.refusal(422, "idempotency-key-reused");
            tester.expect("reused-key", reused, refused).await;
        }
        None => tester.skip(&["reused-key"], "the method has only one list of arguments"),
    }
    Ok(())
}

fn other_arguments(tester: &Tester, method: &MethodDescription, body: &Value) -> Option<Value> {
    let others = [Fields::Required, Fields::All].map(|fields| tester.body(method, fields));
    others.into_iter().flatten().find(|other| other != body)
}

fn same_as(first: &Answer) -> Expectation {
    let (status, json) = (first.status, first.json());
    Box::new(move |answer| match answer.status == status && answer.json() == json {
        true => Ok(()),
        false => Err("the answer is not the one to the first call".to_owned()),
    })
}
