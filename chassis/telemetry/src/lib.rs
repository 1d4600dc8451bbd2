//! Telemetry export: call metrics for Prometheus, sampled spans for OTLP.
//!
//! Counts and traces nothing: switches count calls and emit spans as `tracing` events. This crate encodes both.

mod otlp;
mod prometheus;

pub use crate::otlp::{Exporter, InvalidEndpoint, SpanLayer, spans_to};
pub use crate::prometheus::{CONTENT_TYPE, EndpointCounts, Metrics};
