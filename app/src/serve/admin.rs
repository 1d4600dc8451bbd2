//! `/admin`: shows the readiness of modules, and shows and changes their placement, in a running process. Every request needs
//! an operator's token, which is checked by [`for_operators`].

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, put};
use axum::{Extension, Json, Router};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use offshoot_contract::{Placement, Problem, TraceContext, json};
use offshoot_host::{Evidence, HostedModule};
use offshoot_listener::{BodyError, receive_body};
use offshoot_rest::Operators;
use offshoot_strangler::Strangler;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::serve::health::{self, Health, Readiness};

/// Largest body of a request. A placement has a few addresses.
const MAX_BODY_BYTES: usize = 64 << 10;
/// Time limit of the arrival of a body.
const ARRIVAL_TIMEOUT: Duration = Duration::from_secs(5);

/// State of the routes.
struct Admin {
    health: Arc<Health>,
    /// Decides placements of modules that move.
    strangler: Option<Arc<Strangler>>,
    /// Number of changes of each module's placement. Changes are made one at a time.
    generations: Mutex<BTreeMap<&'static str, u64>>,
    /// The beginning of the counts.
    started: Instant,
}

/// The operator who sent the request.
#[derive(Clone)]
pub(super) struct By(pub(super) Arc<str>);

/// Placement of one module.
#[derive(Debug, Serialize, Deserialize)]
pub struct ModulePlace {
    /// Name of the module.
    pub module: String,
    /// `local`, `encoded` or `remote`.
    pub placement: String,
    /// Number of changes of the placement since this process started.
    pub generation: u64,
    /// Calls that ended since this process started, at any placement.
    pub calls: u64,
    /// These calls by method.
    #[serde(default)]
    pub methods: BTreeMap<String, u64>,
    /// Seconds for which this process counts.
    #[serde(default)]
    pub seconds: u64,
    /// Addresses where the module may be called, beside this process.
    pub urls: Vec<String>,
    /// The addresses that calls are sent to now.
    pub endpoints: Vec<EndpointPlace>,
    /// What was checked before this change, and what was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checked: Option<String>,
}

/// One address that calls are sent to.
#[derive(Debug, Serialize, Deserialize)]
pub struct EndpointPlace {
    /// Scheme, host and port.
    pub url: String,
    /// Calls sent to the address since this process started.
    pub calls: u64,
    /// Calls in flight.
    pub in_flight: u32,
    /// Whether the address is ejected after failed calls.
    pub ejected: bool,
}

/// A wanted placement.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WantedPlace {
    /// `local`, `encoded` or `remote`.
    pub placement: String,
    /// Only these of the known addresses; `None` allows all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub urls: Option<Vec<String>>,
    /// The generation that the operator has seen: the change is refused if somebody else has changed the placement since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<u64>,
    /// Places the module even if the target does not answer, serves another store or contract, or works on other data.
    #[serde(default)]
    pub force: bool,
}

pub(super) fn router(health: Arc<Health>, strangler: Option<Arc<Strangler>>, operators: &Arc<Operators>) -> Router {
    let admin = Arc::new(Admin {
        health,
        strangler,
        generations: Mutex::default(),
        started: Instant::now(),
    });
    let routes = Router::new()
        .route("/admin/placement", get(all))
        .route("/admin/placement/{module}", put(change))
        .route("/admin/readiness", get(readiness))
        .method_not_allowed_fallback(refuse_method)
        .with_state(admin);
    for_operators(routes, operators)
}

pub(super) async fn refuse_method() -> Response {
    let why = "this path does not support the method: the Allow header lists the supported methods";
    refusal(405, "method-not-allowed", why)
}

/// Serves `routes` to operators only.
pub(super) fn for_operators(routes: Router, operators: &Arc<Operators>) -> Router {
    routes.layer(from_fn_with_state(Arc::clone(operators), admit))
}

async fn admit(State(operators): State<Arc<Operators>>, request: Request, next: Next) -> Response {
    let Some(name) = operators.authenticate(request.headers()) else {
        let why = "this operation needs an operator's token: send Authorization: Bearer TOKEN";
        return refusal(401, "unauthenticated", why);
    };
    let (mut parts, body) = request.into_parts();
    let body = match timeout(ARRIVAL_TIMEOUT, receive_body(&parts.headers, body, MAX_BODY_BYTES)).await {
        Ok(Ok(body)) => body,
        Ok(Err(error)) => {
            let (status, code) = match error {
                BodyError::TooLarge { .. } => (413, "body-too-large"),
                BodyError::Encoded => (415, "not-json"),
                BodyError::Incomplete => (400, "incomplete-body"),
            };
            return refusal(status, code, &error.to_string());
        }
        Err(_) => return refusal(408, "slow-body", "the body did not arrive in time"),
    };
    parts.extensions.insert(By(name));
    next.run(Request::from_parts(parts, body.into())).await
}

async fn all(State(admin): State<Arc<Admin>>) -> Json<Vec<ModulePlace>> {
    let generations = admin.generations.lock().await;
    let generation = |module: &HostedModule| generations.get(module.name).copied().unwrap_or(0);
    let modules = admin.health.modules().iter();
    let shown = modules.map(|module| admin.shown(module, generation(module)));
    Json(shown.collect())
}

async fn readiness(State(admin): State<Arc<Admin>>) -> (StatusCode, Json<Readiness>) {
    let readiness = admin.health.readiness().await;
    (health::status(readiness.ready), Json(readiness))
}

async fn change(
    State(admin): State<Arc<Admin>>,
    Extension(By(operator)): Extension<By>,
    Path(name): Path<String>,
    body: Bytes,
) -> Response {
    let module = match admin.placeable(&name) {
        Ok(module) => module,
        Err(problem) => return self::problem(*problem),
    };
    let wanted: WantedPlace = match json::from_slice(&body) {
        Ok(wanted) => wanted,
        Err(error) => return refusal(422, "invalid-field", &error.to_string()),
    };
    let Some(placement) = placement(&wanted.placement) else {
        let why = format!(
            "placement: `{}` is not a valid placement: give local, encoded or remote",
            wanted.placement
        );
        return refusal(422, "invalid-field", &why);
    };
    let urls = wanted.urls.map(|urls| urls.iter().map(|url| url.parse()).collect());
    let urls = match urls.transpose() {
        Ok(urls) => urls,
        Err(error) => return refusal(422, "invalid-field", &format!("urls: {error}")),
    };
    let mut generations = admin.generations.lock().await;
    let generation = generations.entry(module.name).or_default();
    if wanted.generation.is_some_and(|seen| seen != *generation) {
        let now = module.control.placement().as_str();
        let why = format!("the placement of {name} has changed meanwhile: it is {now}, generation {generation}");
        return refusal(409, "placement-changed", &why);
    }
    let mut checked = None;
    if placement == Placement::Remote && !wanted.force {
        let evidence = match module.control.check_target(urls.clone()) {
            Ok(check) => check.await,
            Err(error) => return refusal(409, "no-such-place", &error.to_string()),
        };
        match evidence {
            Ok(evidence) => checked = Some(shown_evidence(&name, evidence)),
            Err(fault) => {
                let why =
                    format!("{fault}: start the right process there, or place the module all the same with `force`");
                return refusal(409, "wrong-target", &why);
            }
        }
    }
    // A migration may have started during the check.
    if let Err(problem) = admin.placeable(&name) {
        return self::problem(*problem);
    }
    let before = module.control.placement().as_str();
    if let Err(error) = module.control.place(placement, urls) {
        return refusal(409, "no-such-place", &error.to_string());
    }
    tracing::warn!(
        operator = &*operator,
        module = module.name,
        from = before,
        to = placement.as_str(),
        forced = wanted.force,
        "placement changed"
    );
    *generation += 1;
    let shown = admin.shown(module, *generation);
    Json(ModulePlace { checked, ..shown }).into_response()
}

/// Refusal of a placement that a migration decides.
fn migration_decides(module: &str) -> String {
    format!(
        "a strangler migration decides where calls of {module} run: `offshoot strangler advance {module}` and `offshoot \
         strangler rollback {module}` move them, and `offshoot strangler status {module}` says where they are"
    )
}

fn shown_evidence(module: &str, evidence: Evidence) -> String {
    match evidence {
        Evidence::SameData => "contract, store, and that the target works on the data of this process".to_owned(),
        Evidence::SameStore => format!(
            "contract and store; not whether the target works on the same data, because this process does not have the data \
             of {module} open, and a restored copy has the same store id"
        ),
    }
}

/// The placement with this name.
pub fn placement(name: &str) -> Option<Placement> {
    Placement::ALL.into_iter().find(|placement| placement.as_str() == name)
}

impl Admin {
    /// The module of this name, if requests decide where its calls run.
    fn placeable(&self, name: &str) -> Result<&HostedModule, Box<Problem>> {
        let modules = self.health.modules();
        let Some(module) = modules.iter().find(|module| module.name == name) else {
            let known: Vec<_> = modules.iter().map(|module| module.name).collect();
            let known = known.join(", ");
            let why = format!("`{name}` is not a module of this process: the modules are {known}");
            return Err(Problem::new(404, "unknown-module", why).into());
        };
        let is_moving = |strangler: &Arc<Strangler>| strangler.is_moving(name);
        if self.strangler.as_ref().is_some_and(is_moving) {
            return Err(Problem::new(409, "migration-decides", migration_decides(name)).into());
        }
        Ok(module)
    }

    fn shown(&self, module: &HostedModule, generation: u64) -> ModulePlace {
        let endpoints = module.control.endpoints().into_iter();
        let mut methods = BTreeMap::new();
        for path in module.control.paths() {
            *methods.entry(path.method.to_owned()).or_default() += path.calls();
        }
        ModulePlace {
            module: module.name.to_owned(),
            placement: module.control.placement().as_str().to_owned(),
            generation,
            calls: methods.values().sum(),
            methods,
            seconds: self.started.elapsed().as_secs(),
            urls: module.control.addresses().iter().map(ToString::to_string).collect(),
            endpoints: endpoints
                .map(|endpoint| EndpointPlace {
                    url: endpoint.url,
                    calls: endpoint.calls,
                    in_flight: endpoint.in_flight,
                    ejected: endpoint.ejected,
                })
                .collect(),
            checked: None,
        }
    }
}

pub(super) fn refusal(status: u16, code: &str, why: &str) -> Response {
    problem(Problem::new(status, code, why))
}

/// Answers with a problem.
pub(super) fn problem(problem: Problem) -> Response {
    let trace = TraceContext::random();
    let status = problem.status;
    let problem = Json(problem.with_trace(&trace));
    let headers = [
        ("content-type", "application/problem+json".to_owned()),
        ("offshoot-trace-id", trace.id()),
    ];
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, headers, problem).into_response();
    if status == StatusCode::UNAUTHORIZED {
        let scheme = HeaderValue::from_static("Bearer");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::migration_decides;

    #[test]
    fn a_placement_that_a_migration_decides_names_the_commands_that_move_calls() {
        assert_eq!(
            migration_decides("catalog"),
            "a strangler migration decides where calls of catalog run: `offshoot strangler advance catalog` and `offshoot \
             strangler rollback catalog` move them, and `offshoot strangler status catalog` says where they are"
        );
    }
}
