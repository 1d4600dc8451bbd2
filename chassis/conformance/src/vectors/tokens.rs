//! Section "Tokens".

use http::header::AUTHORIZATION;
use offshoot_rest::ServiceKeys;

use super::Basis;
use super::identity::UNKNOWN_PATH;
use crate::expectation::Expectation;
use crate::probe::Probe;
use crate::tester::Tester;

/// A name that no module has.
const NOBODY: &str = "conformance-nobody";

pub(super) async fn send(tester: &mut Tester, basis: &Basis) {
    send_refused(tester, basis).await;
    send_accepted(tester, basis).await;
    let nobody = basis.call.clone().with(AUTHORIZATION, &tester.keys.issue_token(NOBODY));
    tester
        .expect("unknown-caller", nobody, not_allowed_or_like(tester, basis))
        .await;
}

async fn send_refused(tester: &mut Tester, basis: &Basis) {
    let (caller, now) = (tester.subject.caller.clone(), Tester::now());
    let valid = tester.keys.issue_token(&caller);
    let name = &tester.subject.contract.name;
    let of_another_module = tester.subject.keys.for_module(&format!("no-such-{name}"));
    let with = |token: &str| basis.call.clone().with(AUTHORIZATION, token);
    let without = basis.call.clone().without(AUTHORIZATION);
    let twice = with(&valid).and(AUTHORIZATION, valid.as_bytes());
    let unknown_path = Probe::get(tester.path(UNKNOWN_PATH));
    for (vector, probe) in [
        ("no-token", without),
        ("other-scheme", with(&valid.replacen("Bearer", "Basic", 1))),
        (
            "other-key",
            with(&ServiceKeys::random().for_module(name).issue_token(&caller)),
        ),
        ("token-of-another-module", with(&of_another_module.issue_token(&caller))),
        (
            "changed-caller",
            with(&valid.replacen(&caller, &format!("{caller}x"), 1)),
        ),
        (
            "expired-token",
            with(&tester.keys.issue_token_until(&caller, now - 120)),
        ),
        ("far-expiry", with(&tester.keys.issue_token_until(&caller, now + 3_600))),
        ("two-tokens", twice),
        ("token-before-path", unknown_path),
    ] {
        let refused = tester.identity.refusal(401, "unauthenticated");
        tester.expect(vector, probe, refused).await;
    }
}

async fn send_accepted(tester: &mut Tester, basis: &Basis) {
    let caller = tester.subject.caller.clone();
    let valid = tester.keys.issue_token(&caller);
    for (vector, token) in [
        ("scheme-in-any-case", valid.replacen("Bearer", "bearer", 1)),
        (
            "token-within-clock-skew",
            tester.keys.issue_token_until(&caller, Tester::now() - 30),
        ),
    ] {
        let probe = basis.call.clone().with(AUTHORIZATION, &token);
        let like_basis = tester.identity.like(basis.answer.as_ref());
        tester.expect(vector, probe, like_basis).await;
    }
}

fn not_allowed_or_like(tester: &Tester, basis: &Basis) -> Expectation {
    let identity = tester.identity.clone();
    let like_basis = tester.identity.like(basis.answer.as_ref());
    Box::new(move |answer| match answer.status {
        403 => identity.check_refusal(answer, 403, "caller-not-allowed"),
        _ => like_basis(answer),
    })
}
