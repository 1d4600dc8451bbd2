//! `/metrics`: counters and gauges of this process for Prometheus, on the admin surface. The text has names of modules, methods,
//! subscriptions, sagas, settings and addresses only, so a request needs no token, except at an address that also serves shoppers.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::get;
use http::header::CONTENT_TYPE;
use offshoot_telemetry::{EndpointCounts, Metrics};

use crate::config::Settings;
use crate::serve::gauges::Gauges;
use crate::serve::health::Health;

pub(super) fn router(health: &Arc<Health>, settings: &Settings) -> Router {
    let gauges = Arc::new(Gauges::new(settings));
    Router::new()
        .route("/metrics", get(metrics))
        .with_state((Arc::clone(health), gauges))
}

async fn metrics(State((health, gauges)): State<(Arc<Health>, Arc<Gauges>)>) -> impl IntoResponse {
    let mut metrics = Metrics {
        gauges: gauges.collect(health.modules()).await,
        ..Metrics::default()
    };
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
            circuit: endpoint.circuit,
        }));
    }
    ([(CONTENT_TYPE, offshoot_telemetry::CONTENT_TYPE)], metrics.into_text())
}
