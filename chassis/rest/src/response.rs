//! Encoding of a call's outcome as an HTTP response, and decoding.

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::Full;
use offshoot_contract::{CallFailure, ContractError, FailureKind, Method, Problem, TraceContext};

/// Status and code of a request without a valid service token.
pub(crate) const UNAUTHENTICATED: (u16, &str) = (401, "unauthenticated");

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");

/// Encodes the outcome of a call.
pub(crate) fn encode<M: Method>(result: &Result<M::Answer, M::Error>, trace: &TraceContext) -> Response<Full<Bytes>> {
    let answer = match result {
        Ok(answer) => answer,
        Err(error) => return problem(Problem::from_error(error), trace),
    };
    match serde_json::to_vec(answer) {
        // `()` serializes as null.
        Ok(json) if json == b"null" => response(StatusCode::NO_CONTENT, None, Bytes::new()),
        Ok(json) => response(StatusCode::OK, Some(JSON), json.into()),
        Err(error) => {
            let why = format!(
                "the answer of {}.{} cannot be encoded as JSON",
                M::SPEC.module,
                M::SPEC.name
            );
            let failure = CallFailure::new(FailureKind::Internal, M::SPEC.class.has_effect(), why);
            tracing::error!(trace_id = trace.id(), %error, "{failure}");
            problem(Problem::from(&failure), trace)
        }
    }
}

/// Encodes a failure of a call that did not reach the module.
pub(crate) fn failure(failure: &CallFailure, trace: &TraceContext) -> Response<Full<Bytes>> {
    let mut response = problem(Problem::from(failure), trace);
    if let FailureKind::Overloaded { retry_after } = failure.kind() {
        response
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from(retry_after.as_secs().max(1)));
    }
    if response.status() == StatusCode::PAYLOAD_TOO_LARGE {
        // The rest of the body is unread, so the connection cannot carry another request.
        response
            .headers_mut()
            .insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

fn problem(problem: Problem, trace: &TraceContext) -> Response<Full<Bytes>> {
    let problem = problem.with_trace(trace);
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    // Strings and JSON values always serialize.
    let json = serde_json::to_vec(&problem).unwrap_or_default();
    response(status, Some(PROBLEM), json.into())
}

fn response(status: StatusCode, content_type: Option<HeaderValue>, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    if let Some(content_type) = content_type {
        response.headers_mut().insert(CONTENT_TYPE, content_type);
    }
    response
}

/// Decodes the outcome of a call.
pub(crate) fn decode<M: Method>(status: StatusCode, body: &[u8]) -> Result<M::Answer, M::Error> {
    if status.is_success() {
        let json = if status == StatusCode::NO_CONTENT {
            b"null"
        } else {
            body
        };
        return serde_json::from_slice(json)
            .map_err(|error| bad_answer::<M>("does not decode").caused_by(error).into());
    }
    match serde_json::from_slice::<Problem>(body) {
        Ok(problem) => Err(problem.into_error::<M::Error>()),
        Err(error) => {
            let why = format!("is HTTP {} without a valid problem body", status.as_u16());
            Err(bad_answer::<M>(&why).caused_by(error).into())
        }
    }
}

/// The failure of a call whose response does not fit the contract.
pub(crate) fn bad_answer<M: Method>(problem: &str) -> CallFailure {
    let why = format!("the response of {}.{} {problem}", M::SPEC.module, M::SPEC.name);
    CallFailure::new(FailureKind::BadAnswer, M::SPEC.class.has_effect(), why)
}

/// Whether the surface refused the service token; a 401 of the module's own does not count.
pub(crate) fn is_unauthenticated<M: Method>(result: &Result<M::Answer, M::Error>) -> bool {
    let failure = result.as_ref().err().and_then(|error| error.to_problem().err());
    failure.is_some_and(|failure| !failure.may_have_executed() && failure.status_and_code() == UNAUTHENTICATED)
}

/// Whether an outcome is a failure of the call rather than the module's own answer or error.
pub(crate) fn is_failure<T, E: ContractError>(result: &Result<T, E>) -> bool {
    result.as_ref().is_err_and(|error| error.variant().is_none())
}
