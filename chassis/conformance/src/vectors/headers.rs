//! Section "Requests", headers.

use http::HeaderName;
use offshoot_contract::TraceContext;

use super::Basis;
use crate::expectation::{Expectation, check_problem};
use crate::probe::CONTRACT;
use crate::tester::Tester;

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const DEADLINE: HeaderName = HeaderName::from_static("offshoot-deadline-ms");
const PRINCIPAL: HeaderName = HeaderName::from_static("offshoot-principal");
const TENANT: HeaderName = HeaderName::from_static("offshoot-tenant");

pub(super) async fn send(tester: &mut Tester, basis: &Basis) {
    let trace = TraceContext::random();
    let traceparent = String::from_utf8_lossy(&trace.traceparent()).into_owned();
    let own = tester.identity.contract.clone();
    let twice = |name, value: &str| basis.call.clone().with_twice(name, value);
    for (vector, probe, code) in [
        ("repeated-contract", twice("offshoot-contract", &own), "bad-request"),
        (
            "repeated-deadline",
            twice("offshoot-deadline-ms", "5000"),
            "bad-request",
        ),
        ("repeated-trace", twice("traceparent", &traceparent), "bad-request"),
        (
            "repeated-key",
            twice("idempotency-key", "conformance"),
            "bad-idempotency-key",
        ),
        (
            "unreadable-principal",
            basis.call.clone().with(PRINCIPAL, "%FF"),
            "bad-request",
        ),
        (
            "unreadable-tenant",
            basis.call.clone().with(TENANT, "%FF"),
            "bad-request",
        ),
    ] {
        let refused = tester.identity.refusal(400, code);
        tester.expect(vector, probe, refused).await;
    }
    let probe = basis.call.clone().with(DEADLINE, "soon");
    let like_basis = tester.identity.like(basis.answer.as_ref());
    tester.expect("unreadable-deadline", probe, like_basis).await;

    // Any refusal is a problem with a trace id.
    let refused = basis.call.clone().with(CONTRACT, "nonsense");
    let probe = refused.clone().with(TRACEPARENT, "nonsense");
    tester
        .expect(
            "unreadable-trace",
            probe,
            Box::new(|answer| check_problem(answer).map(drop)),
        )
        .await;
    let probe = refused.with(TRACEPARENT, &traceparent);
    tester.expect("trace", probe, has_trace(trace.id())).await;
}

fn has_trace(id: String) -> Expectation {
    Box::new(move |answer| match check_problem(answer)?["trace_id"] == id.as_str() {
        true => Ok(()),
        false => Err(format!("`trace_id` is not {id}")),
    })
}
