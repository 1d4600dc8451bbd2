//! `/metrics`: counters of this process for Prometheus, on the admin surface. The text has names of modules, methods and
//! addresses only, so a request needs no token, except at an address that also serves shoppers.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::get;
use http::header::CONTENT_TYPE;
use offshoot_telemetry::{EndpointCounts, Metrics};

use crate::serve::health::Health;

pub(super) fn router(health: &Arc<Health>) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .with_state(Arc::clone(health))
}

async fn metrics(State(health): State<Arc<Health>>) -> impl IntoResponse {
    let mut metrics = Metrics::default();
    for module in health.modules() {
        metrics.paths.extend(module.control.paths());
        metrics.placements.push((module.name, module.control.placement()));
        let endpoints = module.control.endpoints().into_iter();
        metrics.endpoints.extend(endpoints.map(|endpoint| EndpointCounts {
            module: module.name,
            url: endpoint.url,
            calls: endpoint.calls,
            in_flight: endpoint.in_flight,
            ejected: endpoint.ejected,
        }));
    }
    ([(CONTENT_TYPE, offshoot_telemetry::CONTENT_TYPE)], metrics.into_text())
}
