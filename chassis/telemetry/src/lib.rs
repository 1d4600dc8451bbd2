//! What a process tells of its calls: counts for Prometheus, spans of sampled traces for OTLP.
//!
//! Nothing is counted or traced here: switches count, and end the spans of sampled traces as `tracing` events. This
//! crate brings both into the forms that others read.

mod otlp;
mod prometheus;

pub use crate::otlp::{Exporter, InvalidEndpoint, SpanLayer, spans_to};
pub use crate::prometheus::{CONTENT_TYPE, EndpointCounts, Metrics};
