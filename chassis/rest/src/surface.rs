//! The contracts surface of one module: every version that it serves, who it is, and who may call.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, get};
use futures_util::future::BoxFuture;
use http::{HeaderMap, StatusCode};
use offshoot_contract::{ArgsOf, CallContext, Contract, Edge, Method, TraceContext, describe};

use crate::door::{Door, ServerOptions};
use crate::identity::{Identity, ServedVersion};
use crate::limits::SERVER_IN_FLIGHT;
use crate::server;

/// The routes of a module that serves one version of its contract, below `/modules/<name>`.
pub fn router<A: Contract + ?Sized>(edge: Arc<Edge<A>>, options: ServerOptions) -> Router {
    Surface::new(A::NAME, options).version(edge).into_router()
}

/// The routes of a module: `Surface::new(name, options).version(v1).version(v2).into_router()`.
pub struct Surface {
    name: &'static str,
    options: ServerOptions,
    in_flight: usize,
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
            in_flight: SERVER_IN_FLIGHT,
            versions: Vec::new(),
            doors: Vec::new(),
            routes: Router::new(),
        }
    }

    /// How many calls each version added from here on executes at once. Those that come beyond are turned away, and told
    /// when to come again.
    #[must_use]
    pub fn in_flight(self, in_flight: usize) -> Self {
        Self { in_flight, ..self }
    }

    /// Adds a version of the module's contract, at `v<major>`.
    #[must_use]
    pub fn version<A: Contract + ?Sized>(mut self, edge: Arc<Edge<A>>) -> Self {
        let hash = describe::<A>().hash;
        let door = Arc::new(Door::new::<A>(&self.options, &hash, self.in_flight));
        let routes = server::routes(edge, Arc::clone(&door));
        self.routes = self.routes.merge(routes);
        self.doors.push(door);
        self.versions.push(ServedVersion {
            version: A::VERSION.to_string(),
            hash,
        });
        self
    }

    /// Adds a method of the version added last that is answered beside its implementation, for the same callers: what the
    /// chassis itself has to say of a module.
    #[must_use]
    pub fn answering<M: Method>(
        mut self,
        answer: impl Fn(CallContext, ArgsOf<M>) -> BoxFuture<'static, Result<M::Answer, M::Error>> + Send + Sync + 'static,
    ) -> Self {
        if let Some(door) = self.doors.last() {
            let route = server::route_beside::<M>(Arc::clone(door), Arc::new(answer));
            self.routes = self.routes.merge(route);
        }
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
        Ok(_) => door.sign(axum::Json(&house.identity).into_response()),
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
