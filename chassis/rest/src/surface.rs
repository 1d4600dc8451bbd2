//! The contracts surface of one module: the routes of every served version, and the identity endpoint.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, get};
use futures_util::future::BoxFuture;
use http::{HeaderMap, StatusCode, Uri};
use offshoot_contract::{ArgsOf, CallContext, Contract, Edge, MethodSpec, OutcomeOf, TraceContext, WireMethod};

use crate::admission::{Admission, ServerOptions};
use crate::executable::executable_hash;
use crate::identity::{ContractIdentity, Identity, ServedVersion, WITH_BUILD, surface_root};
use crate::limits::SERVER_IN_FLIGHT;
use crate::served_method::{ChassisMethod, ServedMethod, served_methods};
use crate::server;

/// The routes of a module that serves one version of its contract, below `/modules/<name>`.
pub fn router<A: Contract + ?Sized>(edge: Arc<Edge<A>>, options: ServerOptions) -> Router {
    Surface::new(A::NAME, options).with_version(edge).into_router()
}

/// Builder for a module's routes: `Surface::new(name, options).with_version(v1).with_version(v2).into_router()`.
pub struct Surface {
    name: &'static str,
    options: ServerOptions,
    max_in_flight: usize,
    versions: Vec<ServedVersion>,
    data: Option<String>,
    migrations: Vec<String>,
    candidate: bool,
    admissions: Vec<Arc<Admission>>,
    routes: Router,
}

impl Surface {
    /// A surface without versions.
    #[must_use]
    pub fn new(name: &'static str, options: ServerOptions) -> Self {
        Self {
            name,
            options,
            max_in_flight: SERVER_IN_FLIGHT,
            versions: Vec::new(),
            data: None,
            migrations: Vec::new(),
            candidate: false,
            admissions: Vec::new(),
            routes: Router::new(),
        }
    }

    /// Limit on calls in flight of each version added afterwards. Further calls fail with `Overloaded` and
    /// `Retry-After`.
    #[must_use]
    pub fn with_max_in_flight(self, max_in_flight: usize) -> Self {
        Self { max_in_flight, ..self }
    }

    /// Location of the module's data, without a password, and the newest migration of each set that this binary has.
    #[must_use]
    pub fn with_data(self, location: String, migrations: Vec<String>) -> Self {
        Self {
            data: Some(location),
            migrations,
            ..self
        }
    }

    /// Whether the process was started as a candidate of a migration.
    #[must_use]
    pub fn as_candidate(self, candidate: bool) -> Self {
        Self { candidate, ..self }
    }

    /// Adds a version of the module's contract, at `v<major>`.
    #[must_use]
    pub fn with_version<A: Contract + ?Sized>(mut self, edge: Arc<Edge<A>>) -> Self {
        let contract = ContractIdentity::from_contract::<A>();
        let admission = Admission::new(&contract, &self.options, self.max_in_flight, edge.callers());
        let admission = Arc::new(admission);
        let routes = server::routes(&contract.root(), served_methods(&edge), &admission);
        self.routes = self.routes.merge(routes);
        self.admissions.push(admission);
        self.versions.push(ServedVersion {
            version: A::VERSION.to_string(),
            hash: contract.hash,
        });
        self
    }

    /// Adds a method that the chassis answers instead of the module's implementation. The method belongs to the version
    /// added last and is open to the same callers; without a version, the method is not added.
    #[must_use]
    pub fn with_chassis_method<M: WireMethod>(
        mut self,
        spec: &'static MethodSpec,
        handler: impl Fn(CallContext, ArgsOf<M>) -> BoxFuture<'static, OutcomeOf<M>> + Send + Sync + 'static,
    ) -> Self {
        if let Some(admission) = self.admissions.last() {
            let root = surface_root(spec.module, spec.major);
            let method: Arc<dyn ServedMethod> = Arc::new(ChassisMethod::<M>::new(spec, handler));
            self.routes = self.routes.merge(server::routes(&root, vec![method], admission));
        }
        self
    }

    /// The routes of all versions, and `/modules/<name>/contract`.
    pub fn into_router(self) -> Router {
        let module = Arc::new(ModuleRoutes {
            identity: Identity {
                name: self.name.to_owned(),
                versions: self.versions,
                store_id: self.options.store_id,
                instance: self.options.instance,
                data: self.data,
                migrations: self.migrations,
                candidate: self.candidate,
                build: None,
            },
            admissions: self.admissions,
        });
        let root = format!("/modules/{}", self.name);
        let shared = Router::new()
            .route(&format!("{root}/contract"), get(identify))
            .route(&format!("{root}/{{*rest}}"), any(unknown_route))
            .method_not_allowed_fallback(unsupported_verb)
            .with_state(module);
        self.routes.merge(shared)
    }
}

/// State of the routes that all versions of a module share.
struct ModuleRoutes {
    identity: Identity,
    admissions: Vec<Arc<Admission>>,
}

impl ModuleRoutes {
    /// The version that a request addresses, else the version added last.
    fn admission_for(&self, headers: &HeaderMap) -> Option<&Arc<Admission>> {
        let addressed = |admission: &&Arc<Admission>| admission.is_addressed(headers);
        self.admissions.iter().find(addressed).or(self.admissions.last())
    }
}

async fn identify(State(module): State<Arc<ModuleRoutes>>, uri: Uri, headers: HeaderMap) -> Response {
    let Some(admission) = module.admission_for(&headers) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    match admission.admit(&headers) {
        Ok(_) => {
            let mut identity = module.identity.clone();
            if uri.query() == Some(WITH_BUILD) {
                identity.build = executable_hash().await;
            }
            admission.add_identity_header(axum::Json(identity).into_response())
        }
        Err(failure) => admission.refuse(&failure, &TraceContext::random()),
    }
}

/// Answers a verb that the identity endpoint does not support.
async fn unsupported_verb(State(module): State<Arc<ModuleRoutes>>, request: Request) -> Response {
    match module.admission_for(request.headers()) {
        Some(admission) => admission.refuse_verb(&request),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Answers a path that no version serves.
async fn unknown_route(State(module): State<Arc<ModuleRoutes>>, request: Request) -> Response {
    match module.admission_for(request.headers()) {
        Some(admission) => admission.refuse_unknown_route(&request),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
