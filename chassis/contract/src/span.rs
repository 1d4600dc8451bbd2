//! Spans of sampled traces. Each span ends as one `tracing` event with target [`SPAN_TARGET`] for an exporter.

use std::time::Duration;

use tokio::time::Instant;

use crate::context::CallContext;
use crate::trace::TraceContext;

/// `tracing` target of span events.
pub const SPAN_TARGET: &str = "offshoot::span";

/// An open span of a sampled trace in this process.
#[derive(Debug)]
pub struct Span {
    own: TraceContext,
    parent: u64,
    start: Instant,
}

/// Attributes of a span.
#[derive(Debug, Clone, Copy)]
pub struct SpanAttributes<'a> {
    /// `client` for a call to another process, `server` for a call from another process, otherwise `internal`.
    pub kind: &'static str,
    /// The calling module or origin.
    pub caller: &'a str,
    /// The called module.
    pub callee: &'a str,
    /// The called method.
    pub method: &'a str,
    /// The placement of the call.
    pub placement: &'a str,
    /// Outcome: `ok`, `domain-error`, or the kind of a `CallFailure`.
    pub outcome: &'a str,
}

impl Span {
    /// Begins a child span of `trace` and makes the new span the current span of `trace`. None if the trace is not
    /// sampled.
    pub fn begin(trace: &mut TraceContext) -> Option<Self> {
        if !trace.sampled {
            return None;
        }
        let parent = trace.span_id;
        trace.span_id = rand::random::<u64>() | 1;
        Some(Self {
            own: *trace,
            parent,
            start: Instant::now(),
        })
    }

    /// Begins a child span for a call made with `cx`.
    pub(crate) fn enter(cx: &mut CallContext) -> Option<Self> {
        Self::begin(cx.trace_mut())
    }

    /// Ends the span and restores the parent span of `cx`.
    pub(crate) fn exit(self, cx: &mut CallContext, attributes: SpanAttributes<'_>) {
        cx.trace_mut().span_id = self.parent;
        self.end(attributes);
    }

    /// Ends the span.
    pub fn end(self, attributes: SpanAttributes<'_>) {
        tracing::trace!(
            target: SPAN_TARGET,
            trace_id = self.own.trace_id,
            span_id = self.own.span_id,
            parent_id = self.parent,
            took_us = micros(self.start.elapsed()),
            kind = attributes.kind,
            caller = attributes.caller,
            callee = attributes.callee,
            method = attributes.method,
            placement = attributes.placement,
            outcome = attributes.outcome,
        );
    }
}

fn micros(took: Duration) -> u64 {
    u64::try_from(took.as_micros()).unwrap_or(u64::MAX)
}
