//! Whether the process lives, whether it can serve, and the order in which it stops.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use futures_util::future::join_all;
use http::StatusCode;
#[cfg(feature = "store")]
use offshoot_contract::Placement;
use serde::Serialize;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

#[cfg(feature = "store")]
use crate::public_api::ModuleInfo;
use crate::serve::host::Placed;
#[cfg(feature = "store")]
use crate::serve::places::shown;

/// The state of this process.
pub(super) struct Health {
    placed: Vec<Placed>,
    open: AtomicBool,
    closing: CancellationToken,
}

/// What `/health/ready` answers.
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
    pub(super) fn new(placed: Vec<Placed>) -> Self {
        Self {
            placed,
            open: AtomicBool::new(false),
            closing: CancellationToken::new(),
        }
    }

    /// From now on the process is ready if its modules are.
    pub(super) fn open(&self) {
        self.open.store(true, Ordering::Release);
    }

    /// Ends when the listener has to close.
    pub(super) fn closing(&self) -> CancellationToken {
        self.closing.clone()
    }

    pub(super) fn placed(&self) -> &[Placed] {
        &self.placed
    }

    /// The modules as the start page shows them.
    #[cfg(feature = "store")]
    pub(super) fn modules(&self) -> Vec<ModuleInfo> {
        let info = |module: &Placed| ModuleInfo {
            name: module.name.to_owned(),
            placement: module.place.now().as_str().to_owned(),
            url: (module.place.now() == Placement::Remote).then(|| shown(&module.place.addresses())),
        };
        self.placed.iter().map(info).collect()
    }

    /// Readiness goes off first, then connections close as their calls end, then the modules, callers before callees.
    pub(super) async fn stop(&self, serving: JoinHandle<()>, patience: Duration) -> bool {
        self.open.store(false, Ordering::Release);
        self.closing.cancel();
        for module in &self.placed {
            (module.hush)();
        }
        let until = Instant::now() + patience;
        let mut ended = tokio::time::timeout_at(until, serving).await.is_ok();
        for module in self.placed.iter().rev() {
            ended &= (module.stop)(until - Instant::now()).await;
        }
        ended
    }

    async fn readiness(&self) -> Readiness {
        let modules = join_all(self.placed.iter().map(|module| async {
            let reason = module.place.check().await.err();
            ModuleReadiness {
                name: module.name,
                placement: module.place.now().as_str(),
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
