//! Liveness and readiness of the process, and the order in which the process stops.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use futures_util::future::join_all;
use http::StatusCode;
use offshoot_host::HostedModule;
use serde::Serialize;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The process with its modules.
pub(super) struct Health {
    modules: Vec<HostedModule>,
    open: AtomicBool,
    closing: CancellationToken,
}

/// Body of `/health/ready`.
#[derive(Serialize)]
struct Readiness {
    ready: bool,
    modules: Vec<ModuleReadiness>,
}

#[derive(Serialize)]
struct ModuleReadiness {
    name: &'static str,
    placement: &'static str,
    ready: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl Health {
    pub(super) fn new(modules: Vec<HostedModule>) -> Self {
        Self {
            modules,
            open: AtomicBool::new(false),
            closing: CancellationToken::new(),
        }
    }

    /// Makes the process ready while all modules are ready.
    pub(super) fn open(&self) {
        self.open.store(true, Ordering::Release);
    }

    /// Cancelled when the listener must close.
    pub(super) fn closing(&self) -> CancellationToken {
        self.closing.clone()
    }

    pub(super) fn modules(&self) -> &[HostedModule] {
        &self.modules
    }

    /// Ends readiness first, then connections as their calls end, then the modules, callers before callees. Returns whether
    /// all calls ended within `patience`.
    pub(super) async fn stop(&self, serving: JoinHandle<()>, patience: Duration) -> bool {
        self.open.store(false, Ordering::Release);
        self.closing.cancel();
        for module in &self.modules {
            (module.begin_shutdown)();
        }
        let until = Instant::now() + patience;
        let mut ended = tokio::time::timeout_at(until, serving).await.is_ok();
        for module in self.modules.iter().rev() {
            ended &= (module.stop)(until - Instant::now()).await;
        }
        ended
    }

    async fn readiness(&self) -> Readiness {
        let modules = join_all(self.modules.iter().map(|module| async {
            let reason = module.control.check().await.err();
            ModuleReadiness {
                name: module.name,
                placement: module.control.placement().as_str(),
                ready: reason.is_none(),
                reason,
            }
        }));
        let modules = modules.await;
        let ready = self.open.load(Ordering::Acquire) && modules.iter().all(|module| module.ready);
        Readiness { ready, modules }
    }
}

/// `/health/live` and `/health/ready`.
pub(super) fn router(health: &Arc<Health>) -> Router {
    Router::new()
        .route(
            "/health/live",
            get(|| async { Json(serde_json::json!({ "live": true })) }),
        )
        .route("/health/ready", get(ready))
        .with_state(Arc::clone(health))
}

async fn ready(State(health): State<Arc<Health>>) -> (StatusCode, Json<Readiness>) {
    let readiness = health.readiness().await;
    let status = if readiness.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(readiness))
}
