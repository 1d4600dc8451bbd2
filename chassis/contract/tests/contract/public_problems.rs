//! Public problems: each kind of failure has its own text, status and remedy, and none reveals the message.

use std::collections::BTreeSet;
use std::time::Duration;

use offshoot_contract::{CallFailure, FailureKind, PublicKind, PublicProblem, Remedy};

use crate::counters::{CountersError, an_id};

/// A message with things that only the operator may see.
const SECRET: &str = "readings at http://10.0.0.7:7101: SELECT celsius FROM readings: /var/lib/offshoot/readings.db";

fn dependency(cause: &str) -> FailureKind {
    FailureKind::Dependency {
        module: "readings".to_owned(),
        method: "latest".to_owned(),
        cause: cause.to_owned(),
    }
}

fn refused(status: u16, code: &str) -> FailureKind {
    let code = code.to_owned();
    FailureKind::Refused { status, code }
}

fn unrecognised(status: u16) -> FailureKind {
    let code = "teapot".to_owned();
    FailureKind::Unrecognised { status, code }
}

/// Each kind of failure with code and status of the public problem, and the pause of `Retry-After` in seconds.
fn table() -> Vec<(FailureKind, &'static str, u16, Option<u64>)> {
    let retry_after = Duration::from_secs(3);
    vec![
        (FailureKind::Unavailable, "unavailable", 503, Some(1)),
        (FailureKind::Overloaded { retry_after }, "overloaded", 503, Some(3)),
        (FailureKind::Timeout, "timeout", 504, None),
        (FailureKind::ConnectionLost, "connection-lost", 502, None),
        (FailureKind::BadAnswer, "bad-answer", 502, None),
        (FailureKind::WrongContract, "wrong-contract", 502, None),
        (FailureKind::Internal, "internal", 500, None),
        (unrecognised(500), "unrecognised", 502, None),
        (unrecognised(409), "unrecognised", 502, None),
        (refused(403, "caller-not-allowed"), "caller-not-allowed", 500, None),
        (refused(401, "unauthenticated"), "caller-not-allowed", 500, None),
        (refused(400, "bad-request"), "wrong-contract", 502, None),
        (refused(413, "too-large"), "too-large", 413, None),
        (dependency(""), "dependency", 502, None),
        (dependency("unavailable"), "unavailable", 503, Some(1)),
        (dependency("overloaded"), "overloaded", 503, Some(1)),
        (dependency("timeout"), "timeout", 504, None),
        (dependency("connection-lost"), "connection-lost", 502, None),
        (dependency("bad-answer"), "bad-answer", 502, None),
        (dependency("wrong-contract"), "wrong-contract", 502, None),
        (dependency("internal"), "internal", 500, None),
        (dependency("caller-not-allowed"), "caller-not-allowed", 500, None),
        (dependency("unauthenticated"), "caller-not-allowed", 500, None),
        (dependency("bad-request"), "wrong-contract", 502, None),
        (dependency("too-large"), "internal", 500, None),
        (dependency("list-too-large"), "internal", 500, None),
    ]
}

#[test]
fn each_kind_of_failure_has_a_public_problem_of_its_own() {
    let mut reached = BTreeSet::new();
    for (kind, code, status, retry_after) in table() {
        let described = PublicKind::ALL.into_iter().find(|kind| kind.code == code).unwrap();
        reached.insert(code);
        for may_have_executed in [false, true] {
            let failure = CallFailure::new(kind.clone(), may_have_executed, SECRET);
            let PublicProblem {
                problem,
                retry_after: pause,
            } = PublicProblem::from(&failure);
            assert_eq!((problem.code.as_str(), problem.status), (code, status), "{kind:?}");
            assert_eq!(problem.title, described.title, "{kind:?}");
            assert_eq!(pause, retry_after.map(Duration::from_secs), "{kind:?}");
            assert_eq!(problem.field("may_have_executed"), Some(may_have_executed));
            assert_eq!(problem.fields.len(), 1, "{:?}", problem.fields);
            let effect = match may_have_executed {
                false => "Nothing has changed.",
                true => "The request may have taken effect.",
            };
            let advice = match (described.remedy, may_have_executed) {
                (Remedy::RetryAfter | Remedy::Retry, false) => "Try again later.",
                (Remedy::RetryAfter | Remedy::Retry, true) => "under the same Idempotency-Key.",
                (Remedy::Operator, _) => "the log has the cause under this trace id.",
                (Remedy::ChangeRequest, _) => "Change the request.",
            };
            for part in [effect, advice] {
                assert!(problem.detail.contains(part), "{kind:?}: {}", problem.detail);
            }
            let text = serde_json::to_string(&problem).unwrap();
            for inside in ["readings", "latest", "10.0.0.7", "SELECT", "/var/lib"] {
                assert!(!text.contains(inside), "{kind:?} reveals {inside}: {text}");
            }
        }
    }
    let all: BTreeSet<_> = PublicKind::ALL.iter().map(|kind| kind.code).collect();
    assert_eq!(reached, all, "a kind that no failure reaches");
    let titles: BTreeSet<_> = PublicKind::ALL.iter().map(|kind| kind.title).collect();
    assert_eq!(titles.len(), all.len(), "two kinds have the same title");
}

#[test]
fn only_failures_that_pass_are_to_be_repeated() {
    for kind in PublicKind::ALL {
        let passes = matches!(
            kind.code,
            "unavailable" | "overloaded" | "timeout" | "connection-lost" | "dependency"
        );
        let is_repeated = matches!(kind.remedy, Remedy::RetryAfter | Remedy::Retry);
        assert_eq!(is_repeated, passes, "{kind:?}");
        assert_eq!(kind.remedy == Remedy::RetryAfter, kind.status == 503, "{kind:?}");
    }
}

#[test]
fn a_refusal_of_the_request_keeps_status_code_and_message() {
    let failure = CallFailure::new(refused(422, "list-too-large"), false, "the list is too large");
    let PublicProblem { problem, retry_after } = PublicProblem::from(&failure);
    assert_eq!((problem.status, problem.code.as_str()), failure.status_and_code());
    assert_eq!((problem.detail.as_str(), retry_after), ("the list is too large", None));
}

#[test]
fn a_domain_error_stays_as_it_is() {
    let error = CountersError::UnknownCounter { id: an_id() };
    let public = PublicProblem::from_error(&error);
    assert_eq!(public.problem, offshoot_contract::Problem::from_error(&error));
}
