//! Liveness and readiness of the process, and the order in which the process stops.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use futures_util::future::join_all;
use http::StatusCode;
use offshoot_contract::Placement;
use offshoot_host::{HostedModule, ModuleData};
use offshoot_listener::Stopping;
use serde::Serialize;
use serde_json::json;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::config::{HealthSettings, ShutdownSettings};

/// How long an answer to load balancers is reused: many of them ask no more often than one.
const READY_FOR: Duration = Duration::from_millis(500);

/// The process with its modules.
pub(super) struct Health {
    modules: Vec<HostedModule>,
    settings: HealthSettings,
    open: AtomicBool,
    stopping: Stopping,
    /// The latest answer to load balancers, and its time.
    latest: Mutex<Option<(Instant, bool)>>,
}

/// Readiness with the reasons, for operators: body of `/admin/readiness`.
#[derive(Serialize)]
pub(super) struct Readiness {
    pub(super) ready: bool,
    modules: Vec<ModuleReadiness>,
}

#[derive(Serialize)]
struct ModuleReadiness {
    name: &'static str,
    placement: &'static str,
    ready: bool,
    /// Whether the process is unready without the module.
    needed: bool,
    /// Whether the module can write its data; absent for a module in another process. A module that can only read stays
    /// ready: its other processes have the same disk or server, and reads go on.
    #[serde(skip_serializing_if = "Option::is_none")]
    writable: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    write_failure: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl Health {
    pub(super) fn new(modules: Vec<HostedModule>, settings: HealthSettings) -> Self {
        Self {
            modules,
            settings,
            open: AtomicBool::new(false),
            stopping: Stopping::default(),
            latest: Mutex::default(),
        }
    }

    /// Makes the process ready while all needed modules are ready.
    pub(super) fn open(&self) {
        self.open.store(true, Ordering::Release);
    }

    /// The signals to the sockets.
    pub(super) fn stopping(&self) -> &Stopping {
        &self.stopping
    }

    pub(super) fn modules(&self) -> &[HostedModule] {
        &self.modules
    }

    /// Ends readiness first, then waits until clients have noticed, then ends connections as their calls end, then the
    /// modules, callers before callees. Returns whether all calls ended in time.
    pub(super) async fn stop(&self, serving: JoinHandle<()>, settings: &ShutdownSettings) -> bool {
        self.open.store(false, Ordering::Release);
        self.stopping.drain();
        tokio::time::sleep(settings.pause).await;
        self.stopping.close();
        for module in &self.modules {
            (module.begin_shutdown)();
        }
        let until = Instant::now() + settings.patience;
        let mut ended = tokio::time::timeout_at(until, serving).await.is_ok();
        for module in self.modules.iter().rev() {
            ended &= (module.stop)(until - Instant::now()).await;
        }
        ended
    }

    /// Asks every module now.
    pub(super) async fn readiness(&self) -> Readiness {
        let modules = join_all(self.modules.iter().map(|module| async {
            let reason = module.control.check().await.err();
            let placement = module.control.placement();
            let write_failure = module.data.as_ref().map(ModuleData::write_failure);
            ModuleReadiness {
                name: module.name,
                placement: placement.as_str(),
                ready: reason.is_none(),
                writable: write_failure.as_ref().map(Option::is_none),
                write_failure: write_failure.flatten(),
                needed: placement != Placement::Remote || self.settings.is_needed(module.name),
                reason,
            }
        }));
        let modules = modules.await;
        let can_serve = modules.iter().any(|module| module.ready) || modules.is_empty();
        let has_needed = modules.iter().all(|module| module.ready || !module.needed);
        Readiness {
            ready: self.open.load(Ordering::Acquire) && can_serve && has_needed,
            modules,
        }
    }

    /// Whether load balancers may send requests. Concurrent questions share one look at the modules.
    async fn is_ready(&self) -> bool {
        let mut latest = self.latest.lock().await;
        let ready = match *latest {
            Some((at, ready)) if at.elapsed() < READY_FOR => ready,
            _ => {
                let ready = self.readiness().await.ready;
                *latest = Some((Instant::now(), ready));
                ready
            }
        };
        ready && self.open.load(Ordering::Acquire)
    }
}

/// `/health/live` and `/health/ready`. The answers tell strangers nothing but yes or no.
pub(super) fn router(health: &Arc<Health>) -> Router {
    Router::new()
        .route("/health/live", get(|| async { Json(json!({ "live": true })) }))
        .route("/health/ready", get(ready))
        .with_state(Arc::clone(health))
}

async fn ready(State(health): State<Arc<Health>>) -> (StatusCode, Json<serde_json::Value>) {
    let ready = health.is_ready().await;
    (status(ready), Json(json!({ "ready": ready })))
}

/// Status of an answer about readiness.
pub(super) fn status(ready: bool) -> StatusCode {
    if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    }
}
