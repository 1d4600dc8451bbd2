//! `/metrics`: the counts of this process, for Prometheus. They name modules, methods and addresses, no values, so they
//! need no token; but they are at the admin surface only.

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
    for module in health.placed() {
        metrics.paths.extend(module.place.paths());
        metrics.placements.push((module.name, module.place.now()));
        let endpoints = module.place.endpoints().into_iter();
        metrics.endpoints.extend(endpoints.map(|endpoint| EndpointCounts {
            module: module.name,
            url: endpoint.url,
            calls: endpoint.calls,
            in_flight: endpoint.in_flight,
            left_alone: endpoint.left_alone,
        }));
    }
    ([(CONTENT_TYPE, offshoot_telemetry::CONTENT_TYPE)], metrics.into_text())
}
