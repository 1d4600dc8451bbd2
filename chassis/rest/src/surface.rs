//! The contracts surface of one module: every version that it serves, who it is, and who may call.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, get};
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, StatusCode};
use offshoot_contract::{CallFailure, Contract, Edge, FailureKind, TraceContext, describe};
use uuid::Uuid;

use crate::identity::{Identity, Named, ServedVersion};
use crate::token::ServiceToken;
use crate::{headers, response, server};

/// As whom a module is served, and to whom.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// The module's database.
    pub store_id: Uuid,
    /// This process.
    pub instance: Uuid,
    /// What callers have to present.
    pub token: ServiceToken,
}

/// The routes of a module that serves one version of its contract, below `/modules/<name>`.
pub fn router<A: Contract + ?Sized>(edge: Arc<Edge<A>>, options: ServerOptions) -> Router {
    Surface::new(A::NAME, options).version(edge).into_router()
}

/// The routes of a module: `Surface::new(name, options).version(v1).version(v2).into_router()`.
pub struct Surface {
    name: &'static str,
    options: ServerOptions,
    versions: Vec<ServedVersion>,
    doors: Vec<Arc<Door>>,
    routes: Router,
}

impl Surface {
    /// Without any version yet.
    #[must_use]
    pub fn new(name: &'static str, options: ServerOptions) -> Self {
        Self {
            name,
            options,
            versions: Vec::new(),
            doors: Vec::new(),
            routes: Router::new(),
        }
    }

    /// Adds a version of the module's contract, at `v<major>`.
    #[must_use]
    pub fn version<A: Contract + ?Sized>(mut self, edge: Arc<Edge<A>>) -> Self {
        let hash = describe::<A>().hash;
        let door = Arc::new(Door::new::<A>(&self.options, &hash));
        let routes = server::routes(edge, Arc::clone(&door));
        self.routes = self
            .routes
            .nest(&format!("/modules/{}/v{}", self.name, A::VERSION.major), routes);
        self.doors.push(door);
        self.versions.push(ServedVersion {
            version: A::VERSION.to_string(),
            hash,
        });
        self
    }

    /// The routes of all versions, and `/modules/<name>/contract`.
    pub fn into_router(self) -> Router {
        let house = Arc::new(House {
            identity: Identity {
                name: self.name.to_owned(),
                versions: self.versions,
                store_id: self.options.store_id,
                instance: self.options.instance,
            },
            doors: self.doors,
        });
        let root = format!("/modules/{}", self.name);
        let shared = Router::new()
            .route(&format!("{root}/contract"), get(identify))
            .route(&format!("{root}/{{*rest}}"), any(unknown))
            .with_state(house);
        self.routes.merge(shared)
    }
}

/// What all versions of a module share.
struct House {
    identity: Identity,
    doors: Vec<Arc<Door>>,
}

impl House {
    /// The version that a request means, or else the newest.
    fn door(&self, headers: &HeaderMap) -> Option<&Arc<Door>> {
        let meant = |door: &&Arc<Door>| door.is_meant(headers);
        self.doors.iter().find(meant).or(self.doors.last())
    }
}

async fn identify(State(house): State<Arc<House>>, headers: HeaderMap) -> Response {
    let Some(door) = house.door(&headers) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    match door.admit(&headers) {
        Ok(()) => door.sign(axum::Json(&house.identity).into_response()),
        Err(failure) => door.refuse(&failure, &TraceContext::random()),
    }
}

/// A path that no version has.
async fn unknown(State(house): State<Arc<House>>, request: Request) -> Response {
    match house.door(request.headers()) {
        Some(door) => door.refuse_stranger(&request),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// The entrance to one version.
pub(crate) struct Door {
    named: Named,
    header: HeaderValue,
    header_for_strangers: HeaderValue,
    token: ServiceToken,
}

impl Door {
    fn new<A: Contract + ?Sized>(options: &ServerOptions, hash: &str) -> Self {
        let named = Named::of::<A>(Some(options.store_id), Some(hash.to_owned()));
        Self {
            header: named.header(),
            header_for_strangers: Named::of::<A>(None, None).header(),
            named,
            token: options.token.clone(),
        }
    }

    fn is_meant(&self, headers: &HeaderMap) -> bool {
        // People with a terminal may leave it out.
        let Some(meant) = headers.get(headers::CONTRACT) else {
            return true;
        };
        let meant = meant.to_str().ok().and_then(|text| text.parse::<Named>().ok());
        meant.is_some_and(|meant| meant.is_met_by(&self.named))
    }

    /// Whether the caller may call at all, and means this contract and this store.
    pub(crate) fn admit(&self, headers: &HeaderMap) -> Result<(), CallFailure> {
        if !self.token.admits(headers.get(AUTHORIZATION)) {
            let why = "a contract is called with a service token that opens it";
            return Err(CallFailure::refused(401, "unauthenticated", why));
        }
        if self.is_meant(headers) {
            return Ok(());
        }
        let meant = headers.get(headers::CONTRACT).and_then(|value| value.to_str().ok());
        let why = format!(
            "{} was called where {} answers",
            meant.unwrap_or("something"),
            self.named
        );
        Err(CallFailure::not_executed(FailureKind::WrongContract, why))
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

    pub(crate) fn refuse(&self, failure: &CallFailure, trace: &TraceContext) -> Response {
        self.sign(response::failure(failure, trace).map(Body::new))
    }

    /// Every response says who answered; only those who may call learn which store.
    pub(crate) fn sign(&self, mut response: Response) -> Response {
        let known = response.status() != StatusCode::UNAUTHORIZED;
        let header = if known {
            &self.header
        } else {
            &self.header_for_strangers
        };
        response.headers_mut().insert(headers::CONTRACT, header.clone());
        response
    }
}
