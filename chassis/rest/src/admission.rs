//! Admission of requests to one version of a module's contract: authentication, contract and store check, concurrency
//! limit, and the identity header of responses.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::header::WWW_AUTHENTICATE;
use http::{HeaderMap, HeaderValue};
use offshoot_contract::{CallContext, CallFailure, Callers, FailureKind, TraceContext};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

use crate::identity::{ContractHeader, ContractIdentity};
use crate::keys::ModuleKeys;
use crate::limits::SERVER_RETRY_AFTER;
use crate::token::TokenVerifier;
use crate::{headers, response};

/// Identity and keys under which a module is served.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// Id of the module's database.
    pub store_id: Uuid,
    /// Id of this process.
    pub instance: Uuid,
    /// Keys that verify callers' service tokens.
    pub keys: ModuleKeys,
}

/// Admits requests to one version of the contract.
pub(crate) struct Admission {
    served: ContractHeader,
    header: HeaderValue,
    header_for_unauthenticated: HeaderValue,
    /// Header value of a request addressed to this version and store.
    expected_request_header: HeaderValue,
    tokens: TokenVerifier,
    module: &'static str,
    callers: Callers,
    permits: Arc<Semaphore>,
    /// Permits that are kept for the calls of users.
    kept_for_users: usize,
}

impl Admission {
    pub(crate) fn new(
        contract: &ContractIdentity,
        options: &ServerOptions,
        in_flight: usize,
        callers: &Callers,
    ) -> Self {
        let served = contract.response_header(options.store_id);
        Self {
            header: served.to_header_value(),
            expected_request_header: contract.request_header(Some(options.store_id)).to_header_value(),
            header_for_unauthenticated: contract.request_header(None).to_header_value(),
            served,
            tokens: TokenVerifier::new(options.keys.clone()),
            module: contract.name,
            callers: callers.clone(),
            permits: Arc::new(Semaphore::new(in_flight)),
            kept_for_users: in_flight / 2,
        }
    }

    /// Whether a request addresses this version and this store.
    pub(crate) fn is_addressed(&self, headers: &HeaderMap) -> bool {
        // The header is optional, for requests written by hand.
        let Some(addressed) = headers.get(headers::CONTRACT) else {
            return true;
        };
        if *addressed == self.expected_request_header {
            return true;
        }
        let addressed = addressed
            .to_str()
            .ok()
            .and_then(|text| text.parse::<ContractHeader>().ok());
        addressed.is_some_and(|addressed| addressed.accepts(&self.served))
    }

    /// Authenticates a request addressed to this version and store, and returns the caller's name. Fails with 401
    /// `unauthenticated`, with 400 for a repeated header, or with `WrongContract`.
    pub(crate) fn admit(&self, headers: &HeaderMap) -> Result<Arc<str>, CallFailure> {
        let Some(caller) = self.tokens.authenticate(headers::authorization(headers)) else {
            let why = "the request has no valid service token for this contract";
            let (status, code) = response::UNAUTHENTICATED;
            return Err(CallFailure::refused(status, code, why));
        };
        headers::refuse_repeated(headers)?;
        if self.is_addressed(headers) {
            return Ok(caller);
        }
        let addressed = headers.get(headers::CONTRACT).and_then(|value| value.to_str().ok());
        let why = format!(
            "{} was called, but {} is served here",
            addressed.unwrap_or("another contract"),
            self.served
        );
        Err(CallFailure::not_executed(FailureKind::WrongContract, why))
    }

    /// Like `admit`, for callers on the module's allow list. Fails with 403 for others.
    pub(crate) fn admit_call(&self, headers: &HeaderMap) -> Result<Arc<str>, CallFailure> {
        let caller = self.admit(headers)?;
        self.callers.authorize(self.module, &caller)?;
        Ok(caller)
    }

    /// Takes one of the version's permits for calls in flight, without waiting. Fails with `Overloaded`, not executed. A
    /// mirrored call, for which no user waits, is refused as soon as half of the permits are in use.
    pub(crate) fn acquire_permit(&self, cx: &CallContext) -> Result<OwnedSemaphorePermit, CallFailure> {
        let overloaded = || {
            let retry_after = SERVER_RETRY_AFTER;
            let why = format!("the limit on calls in flight at {} is reached", self.served.contract);
            CallFailure::not_executed(FailureKind::Overloaded { retry_after }, why)
        };
        if cx.is_mirrored() && self.permits.available_permits() <= self.kept_for_users {
            return Err(overloaded());
        }
        Arc::clone(&self.permits).try_acquire_owned().map_err(|_| overloaded())
    }

    /// Answers a path that belongs to no method.
    pub(crate) fn refuse_unknown_route(&self, request: &Request) -> Response {
        let failure = self.admit(request.headers()).err();
        let failure = failure.unwrap_or_else(|| self.unknown_method(request));
        self.refuse(&failure, &headers::read_trace(request.headers()))
    }

    /// Answers a verb that the path does not support: 405. The router adds `Allow`.
    pub(crate) fn refuse_verb(&self, request: &Request) -> Response {
        let trace = headers::read_trace(request.headers());
        match self.admit(request.headers()) {
            Ok(_) => {
                let response = response::unsupported_verb(&self.unknown_method(request), &trace);
                self.add_identity_header(response.map(Body::new))
            }
            Err(failure) => self.refuse(&failure, &trace),
        }
    }

    fn unknown_method(&self, request: &Request) -> CallFailure {
        let (verb, path) = (request.method(), request.uri().path());
        let why = format!("{verb} {path} is not a method of {}", self.served);
        CallFailure::not_executed(FailureKind::WrongContract, why)
    }

    /// The response for a failure. Unauthenticated callers learn the contract, but not the store.
    pub(crate) fn refuse(&self, failure: &CallFailure, trace: &TraceContext) -> Response {
        let mut response = response::failure(failure, trace).map(Body::new);
        if failure.status_and_code() == response::UNAUTHENTICATED {
            let scheme = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(WWW_AUTHENTICATE, scheme);
            return with_header(response, &self.header_for_unauthenticated);
        }
        self.add_identity_header(response)
    }

    /// Adds the header that names the contract version and the store.
    pub(crate) fn add_identity_header(&self, response: Response) -> Response {
        with_header(response, &self.header)
    }
}

fn with_header(mut response: Response, contract: &HeaderValue) -> Response {
    response.headers_mut().insert(headers::CONTRACT, contract.clone());
    response
}
