//! RFC 9457 problem details: the wire format of domain errors and call failures.

use std::fmt;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::description::ErrorDescription;
use crate::failure::{CallFailure, FailureKind};
use crate::json::Objects;
use crate::trace::TraceContext;

/// A problem document, `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Problem {
    /// HTTP status.
    pub status: u16,
    /// Stable, machine-readable code.
    pub code: String,
    /// Human-readable summary of the code; the same for every occurrence.
    #[serde(default)]
    pub title: String,
    /// Human-readable explanation of this occurrence.
    #[serde(default)]
    pub detail: String,
    /// Trace id of the request, as logged.
    #[serde(default)]
    pub trace_id: String,
    /// Fields of the error.
    #[serde(flatten)]
    pub fields: Map<String, Value>,
}

/// The error enum of a contract. Implemented by `#[derive(ContractError)]`.
pub trait ContractError:
    std::error::Error + Clone + PartialEq + fmt::Debug + From<CallFailure> + Send + Sync + 'static
{
    /// Descriptions of all domain errors.
    fn descriptions() -> Vec<ErrorDescription>;

    /// Variant name of a domain error, as in the descriptions; none for a `CallFailure`.
    fn variant(&self) -> Option<&'static str>;

    /// The call failure; none for a domain error.
    fn failure(&self) -> Option<&CallFailure>;

    /// Converts a domain error into a problem without trace id. Returns a call failure as `Err`.
    fn to_problem(&self) -> Result<Problem, &CallFailure>;

    /// Decodes a domain error; none if the enum does not have the code or if a field does not decode.
    fn from_problem(problem: &Problem) -> Option<Self>;

    /// Extracts the call failure. Returns a domain error unchanged as `Err`.
    fn into_failure(self) -> Result<CallFailure, Self>;
}

/// Member that distinguishes call failures from domain errors.
pub(crate) const MAY_HAVE_EXECUTED: &str = "may_have_executed";

impl Problem {
    /// A problem without fields. The title is the code with spaces for hyphens.
    pub fn new(status: u16, code: impl Into<String>, detail: impl Into<String>) -> Self {
        let code = code.into();
        Self {
            status,
            title: code.replace('-', " "),
            code,
            detail: detail.into(),
            trace_id: String::new(),
            fields: Map::new(),
        }
    }

    /// Adds one field. A value that does not serialize is left out, so that the problem can always be sent.
    #[must_use]
    pub fn with_field(mut self, name: &str, value: impl Serialize) -> Self {
        if let Ok(value) = serde_json::to_value(value) {
            self.fields.insert(name.to_owned(), value);
        }
        self
    }

    /// Decodes one field; none if the field is absent or has another type.
    #[must_use]
    pub fn field<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        T::deserialize(Objects(self.fields.get(name).unwrap_or(&Value::Null))).ok()
    }

    /// Adds the trace id.
    #[must_use]
    pub fn with_trace(mut self, trace: &TraceContext) -> Self {
        self.trace_id = trace.id();
        self
    }

    /// Converts a domain error or a call failure into a problem.
    pub fn from_error<E: ContractError>(error: &E) -> Self {
        error.to_problem().unwrap_or_else(Self::from)
    }

    /// Whether the problem says that the call may have executed, or that it has not.
    #[must_use]
    pub fn states_effect(&self) -> bool {
        self.field::<bool>(MAY_HAVE_EXECUTED).is_some()
    }

    /// Converts the problem back into a domain error. Every other problem is a call failure.
    pub fn into_domain_error<E: ContractError>(self) -> Result<E, CallFailure> {
        // Only call failures carry this member. The code of a refusal may coincide with the code of a domain error.
        let domain_error = if self.fields.contains_key(MAY_HAVE_EXECUTED) {
            None
        } else {
            E::from_problem(&self)
        };
        domain_error.ok_or_else(|| CallFailure::from(self))
    }
}

impl From<&CallFailure> for Problem {
    fn from(failure: &CallFailure) -> Self {
        let (status, code) = failure.status_and_code();
        let problem =
            Problem::new(status, code, failure.message()).with_field(MAY_HAVE_EXECUTED, failure.may_have_executed());
        match failure.kind() {
            FailureKind::Overloaded { retry_after } => problem.with_field(
                "retry_after_ms",
                u64::try_from(retry_after.as_millis()).unwrap_or(u64::MAX),
            ),
            FailureKind::Dependency { module, method, cause } => problem
                .with_field("module", module)
                .with_field("method", method)
                .with_field("cause", cause),
            _ => problem,
        }
    }
}

impl From<Problem> for CallFailure {
    /// A problem without `may_have_executed` counts as possibly executed. A code without the fields of its kind is not
    /// recognised.
    fn from(problem: Problem) -> Self {
        let may_have_executed = problem.field::<bool>(MAY_HAVE_EXECUTED);
        let retry_after = problem.field("retry_after_ms").map(Duration::from_millis);
        let callee = problem.field("module").zip(problem.field("method"));
        let unrecognised = || FailureKind::Unrecognised {
            status: problem.status,
            code: problem.code.clone(),
        };
        let kind = match problem.code.as_str() {
            "unavailable" => FailureKind::Unavailable,
            "timeout" => FailureKind::Timeout,
            "connection-lost" => FailureKind::ConnectionLost,
            "bad-answer" => FailureKind::BadAnswer,
            "wrong-contract" => FailureKind::WrongContract,
            "internal" => FailureKind::Internal,
            "overloaded" => {
                retry_after.map_or_else(unrecognised, |retry_after| FailureKind::Overloaded { retry_after })
            }
            "dependency" => callee.map_or_else(unrecognised, |(module, method)| FailureKind::Dependency {
                module,
                method,
                cause: problem.field("cause").unwrap_or_default(),
            }),
            _ if may_have_executed.is_some() && (400..500).contains(&problem.status) => FailureKind::Refused {
                status: problem.status,
                code: problem.code.clone(),
            },
            _ => unrecognised(),
        };
        CallFailure::new(kind, may_have_executed.unwrap_or(true), problem.detail)
    }
}
