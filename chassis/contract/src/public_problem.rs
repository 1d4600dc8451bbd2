//! Public problems: the one table of what a client outside of the application learns about a failed call.
//!
//! A client learns the kind of failure, whether a repeat can help, and whether the request may have taken effect. Modules,
//! addresses, statements and paths stay in the log, under the trace id. Knows no HTTP server.

use std::time::Duration;

use crate::failure::{CallFailure, FailureKind};
use crate::problem::{ContractError, MAY_HAVE_EXECUTED, Problem};

/// What a client can do about a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// The same request may succeed after the pause in `Retry-After`.
    RetryAfter,
    /// The same request may succeed later.
    Retry,
    /// The same request fails until the operator has removed the cause.
    Operator,
    /// Another request may succeed.
    ChangeRequest,
}

impl Remedy {
    /// One sentence. `may_have_executed`: a repeat without a key could take effect twice.
    fn advice(self, may_have_executed: bool) -> &'static str {
        match (self, may_have_executed) {
            (Remedy::RetryAfter | Remedy::Retry, false) => "Try again later.",
            (Remedy::RetryAfter | Remedy::Retry, true) => {
                "Check before you try again, or repeat the request under the same Idempotency-Key."
            }
            (Remedy::Operator, _) => {
                "Repeating the request does not help until the operator has removed the cause: the log has the cause under this trace id."
            }
            (Remedy::ChangeRequest, _) => "Change the request.",
        }
    }
}

/// A kind of public problem. RUNBOOK.md lists all kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicKind {
    /// Stable code.
    pub code: &'static str,
    /// HTTP status.
    pub status: u16,
    /// Title of the problem.
    pub title: &'static str,
    /// What the client can do.
    pub remedy: Remedy,
    /// One sentence about the failure.
    pub explanation: &'static str,
}

const fn kind(
    code: &'static str,
    status: u16,
    title: &'static str,
    remedy: Remedy,
    explanation: &'static str,
) -> PublicKind {
    PublicKind {
        code,
        status,
        title,
        remedy,
        explanation,
    }
}

const UNAVAILABLE: PublicKind = kind(
    "unavailable",
    503,
    "part of the application unavailable",
    Remedy::RetryAfter,
    "A part of the application is unavailable at the moment.",
);
const OVERLOADED: PublicKind = kind(
    "overloaded",
    503,
    "too many requests at once",
    Remedy::RetryAfter,
    "The application has as many requests as it can handle at once.",
);
const TIMEOUT: PublicKind = kind(
    "timeout",
    504,
    "time limit exceeded",
    Remedy::Retry,
    "A part of the application did not answer in time.",
);
const CONNECTION_LOST: PublicKind = kind(
    "connection-lost",
    502,
    "connection lost inside the application",
    Remedy::Retry,
    "A part of the application lost the connection to another part.",
);
const DEPENDENCY: PublicKind = kind(
    "dependency",
    502,
    "part of the application failed",
    Remedy::Retry,
    "A part of the application failed, because a call to another part failed.",
);
const BAD_ANSWER: PublicKind = kind(
    "bad-answer",
    502,
    "unreadable answer inside the application",
    Remedy::Operator,
    "A part of the application gave an answer that another part cannot read.",
);
const WRONG_CONTRACT: PublicKind = kind(
    "wrong-contract",
    502,
    "parts of the application do not fit together",
    Remedy::Operator,
    "Another program or version answers in the place of a part of the application.",
);
const UNRECOGNISED: PublicKind = kind(
    "unrecognised",
    502,
    "unknown error inside the application",
    Remedy::Operator,
    "A part of the application answered with an error that another part does not know.",
);
const CALLER_NOT_ALLOWED: PublicKind = kind(
    "caller-not-allowed",
    500,
    "call refused inside the application",
    Remedy::Operator,
    "A part of the application refused a call of another part: the operator must admit the caller.",
);
const INTERNAL: PublicKind = kind(
    "internal",
    500,
    "internal error",
    Remedy::Operator,
    "A part of the application failed on a defect, or on data that it cannot read. The request is not the cause.",
);
const TOO_LARGE: PublicKind = kind(
    "too-large",
    413,
    "request too large",
    Remedy::ChangeRequest,
    "The request is larger than a part of the application accepts.",
);

impl PublicKind {
    /// Every kind. Other refusals of a module keep status, code and message.
    pub const ALL: [Self; 11] = [
        UNAVAILABLE,
        OVERLOADED,
        TIMEOUT,
        CONNECTION_LOST,
        DEPENDENCY,
        BAD_ANSWER,
        WRONG_CONTRACT,
        UNRECOGNISED,
        CALLER_NOT_ALLOWED,
        INTERNAL,
        TOO_LARGE,
    ];

    /// The kind of a failure. `None` for a module's refusal of the request itself.
    fn from_failure(failure: &FailureKind) -> Option<Self> {
        Some(match failure {
            FailureKind::Unavailable => UNAVAILABLE,
            FailureKind::Overloaded { .. } => OVERLOADED,
            FailureKind::Timeout => TIMEOUT,
            FailureKind::ConnectionLost => CONNECTION_LOST,
            FailureKind::BadAnswer => BAD_ANSWER,
            FailureKind::WrongContract => WRONG_CONTRACT,
            FailureKind::Internal => INTERNAL,
            FailureKind::Dependency { cause, .. } => Self::from_cause(cause),
            FailureKind::Refused { code, .. } => match code.as_str() {
                "caller-not-allowed" | "unauthenticated" => CALLER_NOT_ALLOWED,
                // The client's request was valid: the caller encoded the call for another version of the contract.
                "bad-request" => WRONG_CONTRACT,
                "too-large" => TOO_LARGE,
                _ => return None,
            },
            FailureKind::Unrecognised { .. } => UNRECOGNISED,
        })
    }

    /// The kind of a failure with this code in a nested call.
    fn from_cause(code: &str) -> Self {
        match code {
            // A process of an earlier version does not send the cause.
            "" => DEPENDENCY,
            "unauthenticated" => CALLER_NOT_ALLOWED,
            "bad-request" => WRONG_CONTRACT,
            // A module chose the arguments of the nested call, not the client.
            "too-large" => INTERNAL,
            code => Self::ALL.into_iter().find(|kind| kind.code == code).unwrap_or(INTERNAL),
        }
    }
}

/// The problem that a client outside of the application gets.
#[derive(Debug, Clone, PartialEq)]
pub struct PublicProblem {
    /// The document, without trace id.
    pub problem: Problem,
    /// Value of the header `Retry-After`.
    pub retry_after: Option<Duration>,
}

impl PublicProblem {
    /// `Retry-After` of a failure that names no pause, and of a request that is refused before it is read.
    pub const RETRY_AFTER: Duration = Duration::from_secs(1);

    /// The problem of a domain error, unchanged, or of a call failure.
    pub fn from_error<E: ContractError>(error: &E) -> Self {
        match error.to_problem() {
            Ok(problem) => Self {
                problem,
                retry_after: None,
            },
            Err(failure) => Self::from(failure),
        }
    }
}

impl From<&CallFailure> for PublicProblem {
    fn from(failure: &CallFailure) -> Self {
        let may_have_executed = failure.may_have_executed();
        let Some(kind) = PublicKind::from_failure(failure.kind()) else {
            let (status, code) = failure.status_and_code();
            let problem = Problem::new(status, code, failure.message());
            return Self {
                problem: problem.with_field(MAY_HAVE_EXECUTED, may_have_executed),
                retry_after: None,
            };
        };
        let effect = match may_have_executed {
            false => "Nothing has changed.",
            true => "The request may have taken effect.",
        };
        let detail = format!(
            "{} {effect} {}",
            kind.explanation,
            kind.remedy.advice(may_have_executed)
        );
        let mut problem = Problem::new(kind.status, kind.code, detail).with_field(MAY_HAVE_EXECUTED, may_have_executed);
        kind.title.clone_into(&mut problem.title);
        let retry_after = match failure.kind() {
            FailureKind::Overloaded { retry_after } => *retry_after,
            _ => Self::RETRY_AFTER,
        };
        Self {
            problem,
            retry_after: (kind.remedy == Remedy::RetryAfter).then_some(retry_after),
        }
    }
}
