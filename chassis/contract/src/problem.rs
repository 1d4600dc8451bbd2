//! RFC 9457 problem details: how an error travels.

use std::fmt;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::description::ErrorDescription;
use crate::{CallFailure, FailureKind, TraceContext};

/// `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Problem {
    /// HTTP status.
    pub status: u16,
    /// Stable, for programs.
    pub code: String,
    /// What kind of problem, for people; the same for every occurrence.
    #[serde(default)]
    pub title: String,
    /// This occurrence, for people.
    #[serde(default)]
    pub detail: String,
    /// Finds the request in the logs.
    #[serde(default)]
    pub trace_id: String,
    /// The fields of the error.
    #[serde(flatten)]
    pub fields: Map<String, Value>,
}

/// The error enum of a contract. Derive it.
pub trait ContractError:
    std::error::Error + Clone + PartialEq + fmt::Debug + From<CallFailure> + Send + Sync + 'static
{
    /// Every variant that is the module's own answer.
    fn descriptions() -> Vec<ErrorDescription>;

    /// Name of this variant, as in the descriptions; none for a `CallFailure`.
    fn variant(&self) -> Option<&'static str>;

    /// The module's own answer as a problem without trace id, or the failure.
    fn to_problem(&self) -> Result<Problem, &CallFailure>;

    /// The same variant with the same fields; none if the code is not one of this enum or its fields do not decode.
    fn from_problem(problem: &Problem) -> Option<Self>;

    /// Takes the failure out, or gives the error back.
    fn into_failure(self) -> Result<CallFailure, Self>;
}

/// Names of a problem's own members, which no error field may have.
pub(crate) const MAY_HAVE_EXECUTED: &str = "may_have_executed";

impl Problem {
    /// A problem without fields; its title is the code in words.
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

    /// Adds one field. A value that does not serialize is left out: a problem must always be answerable.
    #[must_use]
    pub fn with_field(mut self, name: &str, value: impl Serialize) -> Self {
        if let Ok(value) = serde_json::to_value(value) {
            self.fields.insert(name.to_owned(), value);
        }
        self
    }

    /// Reads one field; none if it is absent or something else.
    #[must_use]
    pub fn field<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        T::deserialize(self.fields.get(name).unwrap_or(&Value::Null)).ok()
    }

    /// Adds the trace id.
    #[must_use]
    pub fn with_trace(mut self, trace: &TraceContext) -> Self {
        self.trace_id = trace.id();
        self
    }

    /// The problem of any contract error.
    pub fn of<E: ContractError>(error: &E) -> Self {
        error.to_problem().unwrap_or_else(Self::from)
    }

    /// The contract error that this problem stands for.
    #[must_use]
    pub fn into_error<E: ContractError>(self) -> E {
        // Only a failure says whether it may have executed; its code may be one that the module uses too.
        let own = if self.fields.contains_key(MAY_HAVE_EXECUTED) {
            None
        } else {
            E::from_problem(&self)
        };
        own.unwrap_or_else(|| CallFailure::from(self).into())
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
            FailureKind::Dependency { module, method } => {
                problem.with_field("module", module).with_field("method", method)
            }
            _ => problem,
        }
    }
}

impl From<Problem> for CallFailure {
    /// A problem that says nothing about its execution may have executed.
    fn from(problem: Problem) -> Self {
        let may_have_executed = problem.field::<bool>(MAY_HAVE_EXECUTED);
        let retry_after = problem.field("retry_after_ms").unwrap_or(0);
        let kind = match problem.code.as_str() {
            "unavailable" => FailureKind::Unavailable,
            "overloaded" => FailureKind::Overloaded {
                retry_after: Duration::from_millis(retry_after),
            },
            "timeout" => FailureKind::Timeout,
            "connection-lost" => FailureKind::ConnectionLost,
            "bad-answer" => FailureKind::BadAnswer,
            "wrong-contract" => FailureKind::WrongContract,
            "internal" => FailureKind::Internal,
            "dependency" => FailureKind::Dependency {
                module: problem.field("module").unwrap_or_default(),
                method: problem.field("method").unwrap_or_default(),
            },
            _ if may_have_executed.is_some() && (400..500).contains(&problem.status) => FailureKind::Refused {
                status: problem.status,
                code: problem.code.clone(),
            },
            _ => FailureKind::Unrecognised {
                status: problem.status,
                code: problem.code.clone(),
            },
        };
        CallFailure::new(kind, may_have_executed.unwrap_or(true), problem.detail)
    }
}
