//! JSON encoding of the OTLP message `ExportTraceServiceRequest` (version 1): ids in hexadecimal, 64-bit numbers as text,
//! enums as numbers. Only the fields that this process fills.
//!
//! Written by hand: the maintained libraries bring protobuf and an SDK, ten packages, for this one message.

use offshoot_contract::Timestamp;
use serde::Serialize;

use super::EndedSpan;

/// Outcomes of calls that do not count as errors of the callee.
const NOT_AN_ERROR: [&str; 3] = ["ok", "domain-error", "refused"];
/// `STATUS_CODE_ERROR`.
const STATUS_ERROR: u8 = 2;

/// One request.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Export<'a> {
    resource_spans: [ResourceSpans<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResourceSpans<'a> {
    resource: Resource<'a>,
    scope_spans: [ScopeSpans<'a>; 1],
}

#[derive(Serialize)]
struct Resource<'a> {
    attributes: [Attribute<&'a str>; 1],
}

#[derive(Serialize)]
struct ScopeSpans<'a> {
    scope: Scope,
    spans: &'a [Span],
}

#[derive(Serialize)]
struct Scope {
    name: &'static str,
}

/// One span.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Span {
    trace_id: String,
    span_id: String,
    parent_span_id: String,
    name: String,
    /// `SPAN_KIND_INTERNAL`, `_SERVER`, `_CLIENT`: 1, 2, 3.
    kind: u8,
    start_time_unix_nano: String,
    end_time_unix_nano: String,
    attributes: [Attribute<String>; 6],
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
}

#[derive(Debug, Serialize)]
struct Status {
    code: u8,
    message: String,
}

#[derive(Debug, Serialize)]
struct Attribute<T> {
    key: &'static str,
    value: AttributeValue<T>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct AttributeValue<T> {
    string_value: T,
}

impl<T> Attribute<T> {
    fn new(key: &'static str, value: T) -> Self {
        Self {
            key,
            value: AttributeValue { string_value: value },
        }
    }
}

impl<'a> Export<'a> {
    /// The spans of the process `service`.
    pub(super) fn new(service: &'a str, spans: &'a [Span]) -> Self {
        Self {
            resource_spans: [ResourceSpans {
                resource: Resource {
                    attributes: [Attribute::new("service.name", service)],
                },
                scope_spans: [ScopeSpans {
                    scope: Scope { name: "offshoot" },
                    spans,
                }],
            }],
        }
    }

    pub(super) fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts and numbers serialize")
    }
}

impl Span {
    pub(super) fn new(ended: EndedSpan, end: Timestamp) -> Self {
        let end = u128::try_from(end.as_micros()).unwrap_or_default() * 1_000;
        let start = end.saturating_sub(ended.took.as_nanos());
        let is_error = !NOT_AN_ERROR.contains(&ended.outcome.as_str());
        Self {
            trace_id: format!("{:032x}", ended.trace_id),
            span_id: format!("{:016x}", ended.span_id),
            parent_span_id: format!("{:016x}", ended.parent_id),
            name: format!("{}.{}", ended.callee, ended.method),
            kind: match ended.kind.as_str() {
                "server" => 2,
                "client" => 3,
                _ => 1,
            },
            start_time_unix_nano: start.to_string(),
            end_time_unix_nano: end.to_string(),
            status: is_error.then(|| Status {
                code: STATUS_ERROR,
                message: ended.outcome.clone(),
            }),
            attributes: [
                Attribute::new("offshoot.caller", ended.caller),
                Attribute::new("offshoot.placement", ended.placement),
                Attribute::new("offshoot.outcome", ended.outcome),
                Attribute::new("rpc.system", "offshoot".to_owned()),
                Attribute::new("rpc.service", ended.callee),
                Attribute::new("rpc.method", ended.method),
            ],
        }
    }
}
