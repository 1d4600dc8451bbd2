//! The spans of a sampled trace. Each ends as one `tracing` event under [`SPANS`], which a subscriber may export.

use std::time::Duration;

use tokio::time::Instant;

use crate::{CallContext, TraceContext};

/// The target of the events.
pub const SPANS: &str = "offshoot::span";

/// A part of a sampled trace that is under way in this process.
#[derive(Debug)]
pub struct Span {
    own: TraceContext,
    parent: u64,
    start: Instant,
}

/// What a span is about.
#[derive(Debug, Clone, Copy)]
pub struct SpanSubject<'a> {
    /// `client` on the side that calls another process, `server` on the side that is called, else `internal`.
    pub kind: &'static str,
    /// Who calls.
    pub caller: &'a str,
    /// What is called.
    pub callee: &'a str,
    /// Its method.
    pub method: &'a str,
    /// Where it runs.
    pub placement: &'a str,
    /// How it ended: `ok`, `answer`, or the kind of a failure.
    pub outcome: &'a str,
}

impl Span {
    /// Begins one below `trace`, which becomes its own; none if the trace is not sampled.
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

    /// The same for what is called with `cx`, until it ends.
    pub(crate) fn enter(cx: &mut CallContext) -> Option<Self> {
        Self::begin(cx.trace_mut())
    }

    /// Ends it, and gives `cx` the trace back that it had.
    pub(crate) fn leave(self, cx: &mut CallContext, subject: SpanSubject<'_>) {
        cx.trace_mut().span_id = self.parent;
        self.end(subject);
    }

    /// Ends it.
    pub fn end(self, subject: SpanSubject<'_>) {
        tracing::trace!(
            target: SPANS,
            trace_id = self.own.trace_id,
            span_id = self.own.span_id,
            parent_id = self.parent,
            took_us = micros(self.start.elapsed()),
            kind = subject.kind,
            caller = subject.caller,
            callee = subject.callee,
            method = subject.method,
            placement = subject.placement,
            outcome = subject.outcome,
        );
    }
}

fn micros(took: Duration) -> u64 {
    u64::try_from(took.as_micros()).unwrap_or(u64::MAX)
}
