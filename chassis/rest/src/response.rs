//! Encoding of a call's outcome as an HTTP response, and decoding.

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::Full;
use offshoot_contract::{
    CallFailure, ContractError, FailureKind, MethodSpec, OutcomeOf, Problem, TraceContext, WireMethod, json,
};
use serde::Serialize;

/// Status and code of a request without a valid service token.
pub(crate) const UNAUTHENTICATED: (u16, &str) = (401, "unauthenticated");

/// Characters of an unknown code that are logged.
const LONGEST_SHOWN_CODE: usize = 80;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");

/// Encodes the outcome of a call.
pub(crate) fn encode<T: Serialize, E: ContractError>(
    spec: &MethodSpec,
    result: &Result<T, E>,
    trace: &TraceContext,
) -> Response<Full<Bytes>> {
    match result {
        Ok(answer) => encode_answer(spec, serde_json::to_vec(answer), trace),
        Err(error) => problem(Problem::from_error(error), trace),
    }
}

fn encode_answer(spec: &MethodSpec, json: serde_json::Result<Vec<u8>>, trace: &TraceContext) -> Response<Full<Bytes>> {
    match json {
        // `()` serializes as null.
        Ok(json) if json == b"null" => response(StatusCode::NO_CONTENT, None, Bytes::new()),
        Ok(json) => response(StatusCode::OK, Some(JSON), json.into()),
        Err(error) => {
            let why = format!("the answer of {}.{} cannot be encoded as JSON", spec.module, spec.name);
            let failure = CallFailure::new(FailureKind::Internal, spec.class.has_effect(), why);
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

/// Encodes the failure of a request whose verb the path does not support.
pub(crate) fn unsupported_verb(failure: &CallFailure, trace: &TraceContext) -> Response<Full<Bytes>> {
    let unsupported = Problem {
        status: StatusCode::METHOD_NOT_ALLOWED.as_u16(),
        ..Problem::from(failure)
    };
    problem(unsupported, trace)
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

/// Decodes the response of one call, and keeps the outcome. A trait, so that the client is not generic.
pub(crate) trait DecodeOutcome: Send {
    /// Decodes an answer or a domain error. Fails with the failure of the call.
    fn decode(&mut self, status: StatusCode, body: &[u8]) -> Result<(), CallFailure>;
}

/// The outcome of a call of `M`; none before the response.
pub(crate) struct PendingOutcome<M: WireMethod> {
    spec: &'static MethodSpec,
    outcome: Option<OutcomeOf<M>>,
}

impl<M: WireMethod> PendingOutcome<M> {
    pub(crate) fn new(spec: &'static MethodSpec) -> Self {
        Self { spec, outcome: None }
    }

    /// The outcome of a call that received a response.
    pub(crate) fn into_outcome(self) -> OutcomeOf<M> {
        self.outcome
            .unwrap_or_else(|| Err(bad_answer(self.spec, "was not decoded").into()))
    }
}

impl<M: WireMethod> DecodeOutcome for PendingOutcome<M> {
    fn decode(&mut self, status: StatusCode, body: &[u8]) -> Result<(), CallFailure> {
        self.outcome = Some(match decode(self.spec, status, body)? {
            Decoded::Answer(answer) => {
                Ok(json::from_slice(answer).map_err(|error| undecodable_answer(self.spec, error))?)
            }
            Decoded::Problem(problem) => {
                let states_effect = problem.states_effect();
                let domain_error = problem.into_domain_error();
                Err(domain_error.map_err(|failure| received_failure(self.spec, states_effect, failure))?)
            }
        });
        Ok(())
    }
}

enum Decoded<'a> {
    /// JSON of the answer.
    Answer(&'a [u8]),
    Problem(Problem),
}

fn decode<'a>(spec: &MethodSpec, status: StatusCode, body: &'a [u8]) -> Result<Decoded<'a>, CallFailure> {
    if status == StatusCode::NO_CONTENT {
        return Ok(Decoded::Answer(b"null"));
    }
    if status.is_success() {
        return Ok(Decoded::Answer(body));
    }
    json::from_slice(body).map(Decoded::Problem).map_err(|error| {
        let why = format!("is HTTP {} without a valid problem body", status.as_u16());
        bad_answer(spec, &why).caused_by(error)
    })
}

/// The failure of a call whose response carries `failure`. `states_effect`: whether the response says that the call may
/// have executed. A problem that the contract does not know is an answer that does not fit the contract.
fn received_failure(spec: &MethodSpec, states_effect: bool, failure: CallFailure) -> CallFailure {
    if let FailureKind::Unrecognised { status, code } = failure.kind() {
        let code: String = code.chars().take(LONGEST_SHOWN_CODE).collect();
        let why = format!("is HTTP {status} with the problem `{code}`, whose code or fields are not in the contract");
        return bad_answer(spec, &why).caused_by(failure);
    }
    if states_effect {
        return failure;
    }
    failure.with_may_have_executed(spec.class.has_effect())
}

fn undecodable_answer(spec: &MethodSpec, error: serde_json::Error) -> CallFailure {
    bad_answer(spec, "does not decode").caused_by(error)
}

/// The failure of a call whose response does not fit the contract.
pub(crate) fn bad_answer(spec: &MethodSpec, problem: &str) -> CallFailure {
    let why = format!("the response of {}.{} {problem}", spec.module, spec.name);
    CallFailure::new(FailureKind::BadAnswer, spec.class.has_effect(), why)
}

/// Whether the surface refused the service token; a 401 of the module's own does not count.
pub(crate) fn is_unauthenticated(failure: &CallFailure) -> bool {
    !failure.may_have_executed() && failure.status_and_code() == UNAUTHENTICATED
}
