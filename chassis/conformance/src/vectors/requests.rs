//! Sections "Requests", parameters, and "Order of checks".

use offshoot_contract::MethodDescription;
use serde_json::Value;
use uuid::Uuid;

use super::Basis;
use super::identity::UNKNOWN_PATH;
use crate::probe::{CONTRACT, Probe};
use crate::sample::Fields;
use crate::tester::Tester;

/// The end of the log of events, at once: a safe call that every module answers.
const HEAD: &str = "/events/head?beyond=-1";

/// Calls every safe method, and returns the simplest call as the basis of other requests.
pub(super) async fn send_call(tester: &mut Tester) -> Basis {
    let mut safe: Vec<_> = tester.subject.contract.methods.clone();
    safe.retain(|method| method.class == "safe");
    safe.sort_by_key(|method| (method.body.is_some(), has_required(method)));
    let mut basis = None;
    for method in &safe {
        let body = tester.body(method, Fields::Required).map(|body| body.to_string());
        let call = tester.call(method, body);
        let answer = tester.expect("call", call.clone(), tester.fits(method)).await;
        basis.get_or_insert(Basis { call, answer });
    }
    match basis {
        Some(basis) => basis,
        None => {
            tester.skip(&["call"], "the contract has no safe method");
            let call = tester.get(tester.path(HEAD));
            let identity = tester.identity.clone();
            let found = Box::new(move |answer: &crate::probe::Answer| identity.check(answer));
            let answer = tester.expect("events-head", call.clone(), found).await;
            Basis { call, answer }
        }
    }
}

fn has_required(method: &MethodDescription) -> bool {
    method.params["required"]
        .as_array()
        .is_some_and(|names| !names.is_empty())
}

/// Sends parameters that the contract does not know.
pub(super) async fn send_parameters(tester: &mut Tester) {
    let head = tester.get(tester.path(HEAD));
    // A method of the module if one has a number in the query, else the feed of events.
    let with_number =
        tester.method(|method| method.class == "safe" && method.body.is_none() && number(method).is_some());
    let (call, name) = match &with_number {
        Some(method) => (tester.call(method, None), number(method).unwrap_or_default()),
        None => (tester.get(tester.path("/events/head")), "beyond".to_owned()),
    };
    let twice = call.clone().with_query(&name, "1").with_query(&name, "1");
    for (vector, probe) in [
        ("unknown-parameter", call.clone().with_query("no_such_parameter", "1")),
        ("unknown-parameter", head.with_query("no_such_parameter", "1")),
        ("repeated-parameter", twice),
        ("unreadable-parameter", call.with_query(&name, "many")),
        ("missing-parameter", tester.get(tester.path("/events/head"))),
    ] {
        let refused = tester.identity.refusal(400, "bad-request");
        tester.expect(vector, probe, refused).await;
    }
}

/// An optional whole number in the query of a method.
fn number(method: &MethodDescription) -> Option<String> {
    let is_number = |schema: &Value| schema["type"] == "integer" || schema["type"][0] == "integer";
    let properties = method.params["properties"].as_object()?;
    let found = properties
        .iter()
        .find(|(name, schema)| is_number(schema) && !method.path.contains(&format!("{{{name}}}")));
    found.map(|(name, _)| name.clone())
}

/// Requests with two mistakes: the first check answers.
pub(super) async fn send_order(tester: &mut Tester, basis: &Basis) {
    let other_store = format!("{} store={}", tester.identity.contract, Uuid::new_v4());
    let probe = basis
        .call
        .clone()
        .with(CONTRACT, &other_store)
        .with_twice("offshoot-deadline-ms", "5000");
    let refused = tester.identity.refusal(400, "bad-request");
    tester.expect("header-before-address", probe, refused).await;
    let probe: Probe = tester.get(tester.path(UNKNOWN_PATH)).with(CONTRACT, &other_store);
    let refused = tester.identity.refusal(502, "wrong-contract");
    let names_store = Box::new(move |answer: &crate::probe::Answer| {
        refused(answer)?;
        let detail = answer.json()["detail"].as_str().unwrap_or_default().to_owned();
        let store = other_store.rsplit('=').next().unwrap_or_default();
        match detail.contains(store) {
            true => Ok(()),
            false => Err("the problem does not name the addressed store".to_owned()),
        }
    });
    tester.expect("address-before-path", probe, names_store).await;
}
