//! Export of sampled spans to an OpenTelemetry collector (OTLP over HTTP, JSON encoding).
//!
//! [`SpanLayer`] picks span events out of the log and queues them; [`Exporter`] sends the queue in batches. A collector
//! that is slow or down costs spans, never a call.

mod encoding;

use std::fmt;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Request, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use offshoot_contract::{Clock, SPAN_TARGET, ServerUrl};
use tokio::sync::mpsc;
use tracing::Subscriber;
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::{Context, Layer};

use self::encoding::{Export, Span};

/// Maximum number of spans that wait to be sent; further spans are dropped.
const QUEUE: usize = 8_192;
/// Largest number of spans in one request.
const BATCH: usize = 512;
/// Time for which the first span of a batch waits for further spans.
const LINGER: Duration = Duration::from_secs(1);
/// Timeout of one request to the collector.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Largest response of a collector that is read, bytes.
const MAX_RESPONSE_BYTES: usize = 64 << 10;

/// The configured endpoint is not a valid address of a collector.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{0}` is not a valid OTLP endpoint: give http://HOST:PORT, where a collector takes OTLP over HTTP (usually port 4318)"
)]
pub struct InvalidEndpoint(ServerUrl);

/// Why a batch was not delivered.
#[derive(Debug, thiserror::Error)]
enum ExportError {
    #[error("no response within {} s", TIMEOUT.as_secs())]
    Timeout(#[from] tokio::time::error::Elapsed),
    #[error("cannot reach the collector")]
    Connection(#[from] hyper_util::client::legacy::Error),
    #[error("the response broke off: {0}")]
    Response(Box<dyn std::error::Error + Send + Sync>),
    #[error("the collector answered with status {0}")]
    Refused(http::StatusCode),
}

/// Creates the layer and the exporter that send the spans of the process `service` to the collector at `endpoint`
/// (`http://host:port`). Fails if `endpoint` is encrypted.
pub fn spans_to(
    endpoint: &ServerUrl,
    service: &str,
    clock: impl Clock + 'static,
) -> Result<(SpanLayer, Exporter), InvalidEndpoint> {
    let invalid = || InvalidEndpoint(endpoint.clone());
    // The exporter has no TLS.
    if endpoint.is_encrypted() {
        return Err(invalid());
    }
    let traces = format!("{endpoint}/v1/traces");
    #[expect(
        clippy::disallowed_methods,
        reason = "the collector is not a module: no contract describes it"
    )]
    let client = Client::builder(TokioExecutor::new()).build_http();
    let (queue, spans) = mpsc::channel(QUEUE);
    let exporter = Exporter {
        client,
        traces: traces.parse().map_err(|_| invalid())?,
        service: service.to_owned(),
        spans,
    };
    let layer = SpanLayer {
        queue,
        clock: Box::new(clock),
    };
    Ok((layer, exporter))
}

/// Tracing layer that picks span events out of the log and queues the spans for the exporter.
pub struct SpanLayer {
    queue: mpsc::Sender<Span>,
    clock: Box<dyn Clock>,
}

impl<S: Subscriber> Layer<S> for SpanLayer {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() != SPAN_TARGET {
            return;
        }
        let mut ended = EndedSpan::default();
        event.record(&mut ended);
        // A full or closed queue drops the span; the call goes on.
        let _ = self.queue.try_send(Span::new(ended, self.clock.now()));
    }
}

/// Sends queued spans to the collector.
#[derive(Debug)]
pub struct Exporter {
    client: Client<HttpConnector, Full<Bytes>>,
    traces: Uri,
    service: String,
    spans: mpsc::Receiver<Span>,
}

impl Exporter {
    /// Sends spans until `stop` or until the layer is dropped, then sends the rest of the queue.
    pub async fn export_until(mut self, stop: impl Future<Output = ()>) {
        let mut stop = pin!(stop);
        let mut is_down = false;
        loop {
            let mut batch = Vec::new();
            let stopped = tokio::select! {
                received = self.spans.recv_many(&mut batch, 1) => received == 0,
                () = &mut stop => true,
            };
            if stopped {
                while let Ok(span) = self.spans.try_recv() {
                    batch.push(span);
                }
                if !batch.is_empty() {
                    // The process ends: nobody reads a failure.
                    let _ = self.send(&batch).await;
                }
                return;
            }
            self.fill(&mut batch).await;
            match self.send(&batch).await {
                Ok(()) => is_down = false,
                // Logged once per outage, not once per batch.
                Err(error) if !is_down => {
                    is_down = true;
                    let spans = batch.len();
                    let collector = &self.traces;
                    tracing::warn!(%error, spans, %collector, "span export failed; dropping spans until the collector answers");
                }
                Err(_) => {}
            }
        }
    }

    /// Adds spans until the batch is full or [`LINGER`] is over.
    async fn fill(&mut self, batch: &mut Vec<Span>) {
        let until = tokio::time::Instant::now() + LINGER;
        while batch.len() < BATCH {
            let room = BATCH - batch.len();
            let more = tokio::time::timeout_at(until, self.spans.recv_many(batch, room)).await;
            if !more.is_ok_and(|more| more > 0) {
                return;
            }
        }
    }

    async fn send(&self, batch: &[Span]) -> Result<(), ExportError> {
        let body = Export::new(&self.service, batch).to_json();
        let mut request = Request::post(self.traces.clone())
            .body(Full::from(body))
            .unwrap_or_default();
        let json = http::HeaderValue::from_static("application/json");
        request.headers_mut().insert(CONTENT_TYPE, json);
        tokio::time::timeout(TIMEOUT, async {
            let (head, body) = self.client.request(request).await?.into_parts();
            let read = Limited::new(body, MAX_RESPONSE_BYTES).collect().await;
            read.map_err(ExportError::Response)?;
            if head.status.is_success() {
                Ok(())
            } else {
                Err(ExportError::Refused(head.status))
            }
        })
        .await?
    }
}

/// The fields of the event that ends a span.
#[derive(Default)]
struct EndedSpan {
    trace_id: u128,
    span_id: u64,
    parent_id: u64,
    took: Duration,
    kind: String,
    caller: String,
    callee: String,
    method: String,
    placement: String,
    outcome: String,
}

impl Visit for EndedSpan {
    fn record_u128(&mut self, field: &Field, value: u128) {
        if field.name() == "trace_id" {
            self.trace_id = value;
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        match field.name() {
            "span_id" => self.span_id = value,
            "parent_id" => self.parent_id = value,
            "took_us" => self.took = Duration::from_micros(value),
            _ => {}
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let target = match field.name() {
            "kind" => &mut self.kind,
            "caller" => &mut self.caller,
            "callee" => &mut self.callee,
            "method" => &mut self.method,
            "placement" => &mut self.placement,
            "outcome" => &mut self.outcome,
            _ => return,
        };
        value.clone_into(target);
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use axum::Router;
    use axum::extract::State;
    use axum::http::HeaderMap;
    use axum::routing::post;
    use offshoot_contract::{Span, SpanAttributes, SystemClock, TraceContext};
    use serde_json::{Value, json};
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    const SUBJECT: SpanAttributes<'static> = SpanAttributes {
        kind: "client",
        caller: "public",
        callee: "notes",
        method: "note",
        placement: "remote",
        outcome: "timeout",
    };

    #[tokio::test]
    async fn a_collector_gets_the_spans_of_sampled_traces() {
        let (sent, mut received) = mpsc::channel(4);
        let take = |State(sent): State<mpsc::Sender<(HeaderMap, Bytes)>>, headers: HeaderMap, body: Bytes| async move {
            sent.send((headers, body)).await.expect("the test listens");
        };
        let collector = Router::new().route("/v1/traces", post(take)).with_state(sent);
        let socket = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("bound");
        let endpoint = ServerUrl::from(socket.local_addr().expect("bound"));
        tokio::spawn(async move { axum::serve(socket, collector).await });

        let (layer, exporter) = spans_to(&endpoint, "notes service", SystemClock).expect("an endpoint");
        let exporting = tokio::spawn(exporter.export_until(std::future::pending()));
        let mut trace = TraceContext::random();
        let caller = trace.span_id;
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            assert!(Span::begin(&mut trace).is_none(), "the trace is not sampled yet");
            trace = trace.sampled_at(1.0);
            let span = Span::begin(&mut trace).expect("the trace is sampled");
            tracing::warn!("something else");
            span.end(SUBJECT);
        });
        let (headers, request) = received.recv().await.expect("a request");
        exporting.await.expect("ends with the layer");

        assert_eq!(headers["content-type"], "application/json");
        let request: Value = serde_json::from_slice(&request).expect("JSON");
        let service = json!([{"key": "service.name", "value": {"stringValue": "notes service"}}]);
        assert_eq!(request["resourceSpans"][0]["resource"]["attributes"], service);
        let spans = request["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array();
        let [span] = spans.expect("spans").as_slice() else {
            panic!("{request}")
        };
        assert_eq!(span["name"], "notes.note");
        // The encoding has ids in hexadecimal, 64-bit numbers as text, enums as numbers.
        assert_eq!(span["traceId"], format!("{:032x}", trace.trace_id));
        assert_eq!(span["spanId"], format!("{:016x}", trace.span_id));
        assert_eq!(span["parentSpanId"], format!("{caller:016x}"));
        assert_eq!(span["kind"], 3);
        let nanos = |field: &str| span[field].as_str().expect("text").parse::<u64>().expect("a number");
        assert!(nanos("endTimeUnixNano") >= nanos("startTimeUnixNano"), "{span}");
        assert!(nanos("startTimeUnixNano") > 1_700_000_000_000_000_000, "{span}");
        assert_eq!(span["status"], json!({"code": 2, "message": "timeout"}));
    }

    #[test]
    fn an_encrypted_endpoint_is_refused() {
        let endpoint = "https://a:4318".parse().expect("a URL");
        let error = spans_to(&endpoint, "notes", SystemClock).err().expect("refused");
        assert!(error.to_string().contains("`https://a:4318`"), "{error}");
    }
}
