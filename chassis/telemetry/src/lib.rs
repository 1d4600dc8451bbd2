//! Telemetry export: call metrics for Prometheus, sampled spans for OTLP.
//!
//! Switches count calls and emit spans as `tracing` events; this crate only encodes and exports.

mod otlp;
mod prometheus;

pub use crate::otlp::{Exporter, InvalidEndpoint, SpanLayer, spans_to};
pub use crate::prometheus::{CONTENT_TYPE, EndpointCounts, Gauge, Metrics};
