//! The entrance to one version of a module's contract: who may call, what they mean, and who answered.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use offshoot_contract::{CallFailure, Contract, FailureKind, TraceContext, require_caller};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

use crate::identity::Named;
use crate::keys::ModuleKeys;
use crate::limits::SERVER_RETRY_AFTER;
use crate::token::Callers;
use crate::{headers, response};

/// As whom a module is served, and to whom.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// The module's database.
    pub store_id: Uuid,
    /// This process.
    pub instance: Uuid,
    /// What callers' tokens have to be signed with.
    pub keys: ModuleKeys,
}

/// The entrance to one version.
pub(crate) struct Door {
    named: Named,
    header: HeaderValue,
    header_for_strangers: HeaderValue,
    /// What requests say that mean this version of this store.
    header_of_callers: HeaderValue,
    callers: Callers,
    require_caller: fn(&str) -> Result<(), CallFailure>,
    places: Arc<Semaphore>,
}

impl Door {
    pub(crate) fn new<A: Contract + ?Sized>(options: &ServerOptions, hash: &str, in_flight: usize) -> Self {
        let named = Named::of::<A>(Some(options.store_id), Some(hash.to_owned()));
        Self {
            header: named.header(),
            header_of_callers: Named::of::<A>(Some(options.store_id), None).header(),
            header_for_strangers: Named::of::<A>(None, None).header(),
            named,
            callers: Callers::new(options.keys.clone()),
            require_caller: require_caller::<A>,
            places: Arc::new(Semaphore::new(in_flight)),
        }
    }

    pub(crate) fn is_meant(&self, headers: &HeaderMap) -> bool {
        // People with a terminal may leave it out.
        let Some(meant) = headers.get(headers::CONTRACT) else {
            return true;
        };
        if *meant == self.header_of_callers {
            return true;
        }
        let meant = meant.to_str().ok().and_then(|text| text.parse::<Named>().ok());
        meant.is_some_and(|meant| meant.is_met_by(&self.named))
    }

    /// Who sends a request that means this contract and this store.
    pub(crate) fn admit(&self, headers: &HeaderMap) -> Result<Arc<str>, CallFailure> {
        let Some(caller) = self.callers.who(headers.get(AUTHORIZATION)) else {
            let why = "a contract is called with a service token that opens it";
            let (status, code) = response::STRANGER;
            return Err(CallFailure::refused(status, code, why));
        };
        if self.is_meant(headers) {
            return Ok(caller);
        }
        let meant = headers.get(headers::CONTRACT).and_then(|value| value.to_str().ok());
        let why = format!(
            "{} was called where {} answers",
            meant.unwrap_or("something"),
            self.named
        );
        Err(CallFailure::not_executed(FailureKind::WrongContract, why))
    }

    /// The same, of one who may call the methods.
    pub(crate) fn admit_call(&self, headers: &HeaderMap) -> Result<Arc<str>, CallFailure> {
        let caller = self.admit(headers)?;
        (self.require_caller)(&caller)?;
        Ok(caller)
    }

    /// A place among the calls that are executed, or the failure of one that has to come again.
    pub(crate) fn place(&self) -> Result<OwnedSemaphorePermit, CallFailure> {
        Arc::clone(&self.places).try_acquire_owned().map_err(|_| {
            let retry_after = SERVER_RETRY_AFTER;
            let why = format!("{} has as many calls as it executes at once", self.named.contract);
            CallFailure::not_executed(FailureKind::Overloaded { retry_after }, why)
        })
    }

    /// Answers a path or a verb that no method has.
    pub(crate) fn refuse_stranger(&self, request: &Request) -> Response {
        let failure = self.admit(request.headers()).err().unwrap_or_else(|| {
            let why = format!(
                "{} {} is no method of {}",
                request.method(),
                request.uri().path(),
                self.named
            );
            CallFailure::not_executed(FailureKind::WrongContract, why)
        });
        self.refuse(&failure, &headers::read_trace(request.headers()))
    }

    /// Says who answered; only those who may call learn which store.
    pub(crate) fn refuse(&self, failure: &CallFailure, trace: &TraceContext) -> Response {
        let response = response::failure(failure, trace).map(Body::new);
        if failure.status_and_code() == response::STRANGER {
            return with_header(response, &self.header_for_strangers);
        }
        self.sign(response)
    }

    /// Says who answered, and for which store.
    pub(crate) fn sign(&self, response: Response) -> Response {
        with_header(response, &self.header)
    }
}

fn with_header(mut response: Response, contract: &HeaderValue) -> Response {
    response.headers_mut().insert(headers::CONTRACT, contract.clone());
    response
}
