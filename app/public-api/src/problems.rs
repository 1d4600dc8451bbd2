//! Problems that the public API itself answers with, and the documentation of all problems. Knows no particular operation.

use offshoot_contract::{ErrorDescription, Method, PublicKind, camel_case, describe};

/// A refusal of a request by the public API.
#[derive(Clone, Copy)]
pub(super) struct RequestProblem {
    /// Name in the OpenAPI document.
    name: &'static str,
    pub(super) status: u16,
    /// Stable code.
    pub(super) code: &'static str,
    explanation: &'static str,
    /// Adds the members that the problem has beside those of every problem.
    members: fn(ErrorDescription) -> ErrorDescription,
}

const fn problem(name: &'static str, status: u16, code: &'static str, explanation: &'static str) -> RequestProblem {
    RequestProblem {
        name,
        status,
        code,
        explanation,
        members: |description| description,
    }
}

pub(super) const UNAUTHENTICATED: RequestProblem = problem(
    "Unauthenticated",
    401,
    "unauthenticated",
    "The request has no valid token of an operator.",
);
pub(super) const INVALID_ID: RequestProblem =
    problem("InvalidId", 422, "invalid-id", "An id in the path is not valid.");
pub(super) const INVALID_QUERY: RequestProblem = problem(
    "InvalidQuery",
    422,
    "invalid-query",
    "A query parameter is missing, unknown, repeated or not valid.",
);
pub(super) const MALFORMED_JSON: RequestProblem =
    problem("MalformedJson", 400, "malformed-json", "The body is not JSON.");
pub(super) const INCOMPLETE_BODY: RequestProblem =
    problem("IncompleteBody", 400, "incomplete-body", "The body ended early.");
pub(super) const SLOW_BODY: RequestProblem = problem("SlowBody", 408, "slow-body", "The body did not arrive in time.");
pub(super) const REPEATED_HEADER: RequestProblem = problem(
    "RepeatedHeader",
    400,
    "repeated-header",
    "A header that has one value is given twice.",
);
pub(super) const BODY_TOO_LARGE: RequestProblem =
    problem("BodyTooLarge", 413, "body-too-large", "The body is too large.");
pub(super) const NOT_JSON: RequestProblem = problem(
    "NotJson",
    415,
    "not-json",
    "The body is not plain `application/json` in UTF-8.",
);
pub(super) const INVALID_FIELD: RequestProblem = RequestProblem {
    members: |description| description.with_field::<Option<String>>("field"),
    ..problem(
        "InvalidField",
        422,
        "invalid-field",
        "A field of the body is missing, unknown or not valid; `field` is its path.",
    )
};
pub(super) const BAD_IDEMPOTENCY_KEY: RequestProblem = refused(
    "BadIdempotencyKey",
    400,
    "bad-idempotency-key",
    "The idempotency key is empty, too long or not printable ASCII.",
);
pub(super) const IDEMPOTENCY_KEY_REUSED: RequestProblem = refused(
    "IdempotencyKeyReused",
    422,
    "idempotency-key-reused",
    "The idempotency key was used for another request.",
);
pub(super) const CART_TOO_LARGE: RequestProblem = refused(
    "CartTooLarge",
    422,
    "cart-too-large",
    "The total of the cart is out of range: set smaller quantities.",
);

/// A refusal that a module gives outside of its contract.
const fn refused(name: &'static str, status: u16, code: &'static str, explanation: &'static str) -> RequestProblem {
    RequestProblem {
        members: |description| description.with_field::<Option<bool>>("may_have_executed"),
        ..problem(name, status, code, explanation)
    }
}

impl RequestProblem {
    /// Problems of every request with a body.
    pub(super) const OF_BODIES: [Self; 6] = [
        MALFORMED_JSON,
        INCOMPLETE_BODY,
        SLOW_BODY,
        BODY_TOO_LARGE,
        NOT_JSON,
        INVALID_FIELD,
    ];
    /// Problems of every request with an idempotency key.
    pub(super) const OF_KEYS: [Self; 2] = [BAD_IDEMPOTENCY_KEY, IDEMPOTENCY_KEY_REUSED];

    pub(super) fn describe(self) -> ErrorDescription {
        let description = ErrorDescription::new(self.name, self.status, self.code, self.explanation);
        (self.members)(description)
    }
}

/// Failures inside the application, which every operation can end with, and 413 for requests with a body.
pub(super) fn failures(has_body: bool) -> Vec<ErrorDescription> {
    let possible = PublicKind::ALL
        .into_iter()
        .filter(|kind| has_body || kind.status >= 500);
    let describe = |kind: PublicKind| {
        ErrorDescription::new(&camel_case(kind.code), kind.status, kind.code, kind.explanation)
            .with_field::<bool>("may_have_executed")
    };
    possible.map(describe).collect()
}

/// The errors of a method, named after module and variant.
pub(super) fn errors_of<M: Method>() -> Vec<ErrorDescription> {
    let contract = describe::<M::Api>();
    let method = contract.methods.iter().find(|method| method.name == M::SPEC.name);
    let errors = method.map(|method| contract.errors_of(method)).unwrap_or_default();
    let named = |error: &ErrorDescription| ErrorDescription {
        variant: format!("{}{}", camel_case(&contract.name), error.variant),
        ..error.clone()
    };
    errors.into_iter().map(named).collect()
}
