//! Turns errors into RFC 9457 problems that reveal nothing about modules and processes.

use std::fmt::Display;
use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};

use offshoot_contract::{CallFailure, ContractError, Problem, PublicProblem, TraceContext};

use super::problems::{INVALID_FIELD, MALFORMED_JSON, RequestProblem};

/// A problem before rendering. [`render`] adds the trace id, which is known only there.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    /// Boxed to keep results small.
    problem: Box<Problem>,
    retry_after: Option<Duration>,
}

impl Refusal {
    pub(super) fn new(problem: RequestProblem, detail: impl Into<String>) -> Self {
        Self::with_code(problem.status, problem.code, detail)
    }

    fn with_code(status: u16, code: &str, detail: impl Into<String>) -> Self {
        Self {
            problem: Box::new(Problem::new(status, code, detail)),
            retry_after: None,
        }
    }

    /// The same problem with another detail.
    pub(super) fn explained(mut self, detail: impl Into<String>) -> Self {
        self.problem.detail = detail.into();
        self
    }

    /// An invalid field of the body, by path.
    pub(super) fn invalid_field(path: &str, reason: impl Display) -> Self {
        // An error of the whole body has no path.
        let named = path != "." && path != "?";
        let detail = if named {
            format!("{path}: {reason}")
        } else {
            reason.to_string()
        };
        let problem = Problem::new(INVALID_FIELD.status, INVALID_FIELD.code, detail);
        Self {
            problem: Box::new(if named {
                problem.with_field("field", path)
            } else {
                problem
            }),
            retry_after: None,
        }
    }

    pub(super) fn malformed_json(error: &serde_json::Error) -> Self {
        Self::new(MALFORMED_JSON, format!("the body is not JSON: {error}"))
    }

    /// A header that the request has twice.
    pub(super) fn repeated_header(name: &HeaderName, problem: RequestProblem) -> Self {
        Self::new(problem, format!("the header {name} is given twice: send it once"))
    }

    pub(super) fn no_route() -> Self {
        Self::with_code(
            404,
            "unknown-route",
            "no operation has this path: /api/v1/openapi.json lists all operations",
        )
    }

    pub(super) fn no_method() -> Self {
        Self::with_code(
            405,
            "method-not-allowed",
            "this path does not support the method: the Allow header lists the supported methods",
        )
    }
}

impl<E: ContractError> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self::from_public(PublicProblem::from_error(&error))
    }
}

impl Refusal {
    /// A call that failed, or that could not be made.
    pub(super) fn from_failure(failure: &CallFailure) -> Self {
        Self::from_public(PublicProblem::from(failure))
    }

    fn from_public(PublicProblem { problem, retry_after }: PublicProblem) -> Self {
        Self {
            problem: Box::new(problem),
            retry_after,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::from_u16(self.problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        response.extensions_mut().insert(self);
        response
    }
}

/// Renders the problem of a response, if the response has one.
pub(super) fn render(response: Response, trace: &TraceContext) -> Response {
    let (mut parts, body) = response.into_parts();
    let Some(Refusal { problem, retry_after }) = parts.extensions.remove::<Refusal>() else {
        return Response::from_parts(parts, body);
    };
    // Problems contain texts and small values that came from JSON or go into JSON.
    let json = serde_json::to_vec(&problem.with_trace(trace)).unwrap_or_default();
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json"),
    );
    if parts.status == StatusCode::UNAUTHORIZED {
        parts
            .headers
            .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if parts.status == StatusCode::PAYLOAD_TOO_LARGE {
        // The rest of the body stays unread, so the connection cannot be used again.
        parts
            .headers
            .insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    if let Some(after) = retry_after {
        let seconds = after.as_secs_f64().ceil().max(1.0);
        if let Ok(value) = HeaderValue::from_str(&format!("{seconds:.0}")) {
            parts.headers.insert(header::RETRY_AFTER, value);
        }
    }
    Response::from_parts(parts, Body::from(json))
}
