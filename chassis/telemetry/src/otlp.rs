//! Spans of sampled traces, sent to a collector over OTLP (HTTP, protobuf).
//!
//! [`SpanLayer`] picks the events that spans end with out of everything that is logged and queues them; [`Exporter`]
//! sends what has come, some at a time. A collector that is away or slow costs spans, never a call.

use std::fmt;
use std::pin::pin;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use offshoot_contract::{Clock, SPANS};
use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanExporter as _, SpanLinks};
use tokio::sync::mpsc;
use tracing::Subscriber;
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::{Context, Layer};

/// Spans that wait to be sent; what comes beyond is dropped.
const QUEUE: usize = 8_192;
/// Spans in one request.
const BATCH: usize = 512;
/// How long the first span of a request waits for others.
const LINGER: Duration = Duration::from_secs(1);
/// How long the collector may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Largest answer of a collector that is read, bytes.
const MAX_ANSWER_BYTES: usize = 64 << 10;
/// Outcomes that are no fault of the callee.
const FINE: [&str; 3] = ["ok", "answer", "refused"];

/// The address is no collector's.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no OTLP endpoint: give http://HOST:PORT, where a collector takes OTLP over HTTP (usually port 4318)")]
pub struct InvalidEndpoint(String);

/// Spans of the process `service`, for the collector at `endpoint` (`http://host:port`).
pub fn spans_to(
    endpoint: &str,
    service: &str,
    clock: impl Clock + 'static,
) -> Result<(SpanLayer, Exporter), InvalidEndpoint> {
    let invalid = || InvalidEndpoint(endpoint.to_owned());
    let uri: Uri = endpoint.parse().map_err(|_| invalid())?;
    let bare = matches!(uri.path(), "" | "/") && uri.query().is_none();
    if uri.scheme_str() != Some("http") || uri.host().is_none() || !bare {
        return Err(invalid());
    }
    #[expect(
        clippy::disallowed_methods,
        reason = "a client of the collector, which is no contract"
    )]
    let client = Client::builder(TokioExecutor::new()).build_http();
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(Collector(client))
        .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
        .with_timeout(TIMEOUT)
        .build();
    let mut exporter = exporter.map_err(|_| invalid())?;
    exporter.set_resource(&Resource::builder_empty().with_service_name(service.to_owned()).build());
    let (queue, spans) = mpsc::channel(QUEUE);
    let layer = SpanLayer {
        queue,
        clock: Box::new(clock),
    };
    Ok((layer, Exporter { exporter, spans }))
}

/// Picks spans out of what is logged.
pub struct SpanLayer {
    queue: mpsc::Sender<SpanData>,
    clock: Box<dyn Clock>,
}

impl<S: Subscriber> Layer<S> for SpanLayer {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() != SPANS {
            return;
        }
        let mut ended = Ended::default();
        event.record(&mut ended);
        // A queue that is full or closed costs spans, no call.
        let _ = self.queue.try_send(ended.into_span(&*self.clock));
    }
}

/// Sends spans.
#[derive(Debug)]
pub struct Exporter {
    exporter: SpanExporter,
    spans: mpsc::Receiver<SpanData>,
}

impl Exporter {
    /// Sends spans as long as any can come, or until `stop`; then those that wait.
    pub async fn run(mut self, stop: impl Future<Output = ()>) {
        let mut stop = pin!(stop);
        let mut away = false;
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
                    // Nobody is left to be told.
                    let _ = self.exporter.export(batch).await;
                }
                return;
            }
            let until = tokio::time::Instant::now() + LINGER;
            while batch.len() < BATCH {
                let room = BATCH - batch.len();
                let more = tokio::time::timeout_at(until, self.spans.recv_many(&mut batch, room)).await;
                if !more.is_ok_and(|more| more > 0) {
                    break;
                }
            }
            let count = batch.len();
            match self.exporter.export(batch).await {
                Ok(()) => away = false,
                // Once, and not each time that it is still away.
                Err(error) if !away => {
                    away = true;
                    tracing::warn!(%error, spans = count, "the collector does not take spans; they are dropped until it does");
                }
                Err(_) => {}
            }
        }
    }
}

/// The fields of an event that a span ended with.
#[derive(Default)]
struct Ended {
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

impl Visit for Ended {
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
        let place = match field.name() {
            "kind" => &mut self.kind,
            "caller" => &mut self.caller,
            "callee" => &mut self.callee,
            "method" => &mut self.method,
            "placement" => &mut self.placement,
            "outcome" => &mut self.outcome,
            _ => return,
        };
        value.clone_into(place);
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}

impl Ended {
    fn into_span(self, clock: &dyn Clock) -> SpanData {
        let end = SystemTime::from(clock.now().date_time());
        let trace = TraceId::from(self.trace_id);
        let flags = TraceFlags::SAMPLED;
        let span = SpanContext::new(trace, SpanId::from(self.span_id), flags, false, TraceState::default());
        let is_server = self.kind == "server";
        SpanData {
            span_context: span,
            parent_span_id: SpanId::from(self.parent_id),
            parent_span_is_remote: is_server,
            span_kind: match self.kind.as_str() {
                "server" => SpanKind::Server,
                "client" => SpanKind::Client,
                _ => SpanKind::Internal,
            },
            name: format!("{}.{}", self.callee, self.method).into(),
            start_time: end - self.took,
            end_time: end,
            status: if FINE.contains(&self.outcome.as_str()) {
                Status::Unset
            } else {
                Status::error(self.outcome.clone())
            },
            attributes: vec![
                KeyValue::new("offshoot.caller", self.caller),
                KeyValue::new("offshoot.placement", self.placement),
                KeyValue::new("offshoot.outcome", self.outcome),
                KeyValue::new("rpc.system", "offshoot"),
                KeyValue::new("rpc.service", self.callee),
                KeyValue::new("rpc.method", self.method),
            ],
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            instrumentation_scope: InstrumentationScope::builder("offshoot").build(),
        }
    }
}

/// The HTTP client under the exporter.
#[derive(Debug)]
struct Collector(Client<HttpConnector, Full<Bytes>>);

#[async_trait::async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let response = tokio::time::timeout(TIMEOUT, self.0.request(request.map(Full::new))).await??;
        let (head, body) = response.into_parts();
        let body = tokio::time::timeout(TIMEOUT, Limited::new(body, MAX_ANSWER_BYTES).collect()).await??;
        Ok(Response::from_parts(head, body.to_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use axum::Router;
    use axum::extract::State;
    use axum::routing::post;
    use offshoot_contract::{Span, SpanSubject, SystemClock, TraceContext};
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
    use prost::Message as _;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    const SUBJECT: SpanSubject<'static> = SpanSubject {
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
        let take = |State(sent): State<mpsc::Sender<Bytes>>, body: Bytes| async move {
            sent.send(body).await.expect("the test listens");
        };
        let collector = Router::new().route("/v1/traces", post(take)).with_state(sent);
        let socket = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("bound");
        let endpoint = format!("http://{}", socket.local_addr().expect("bound"));
        tokio::spawn(async move { axum::serve(socket, collector).await });

        let (layer, exporter) = spans_to(&endpoint, "notes service", SystemClock).expect("an endpoint");
        let exporting = tokio::spawn(exporter.run(std::future::pending()));
        let mut trace = TraceContext::random();
        let caller = trace.span_id;
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            assert!(Span::begin(&mut trace).is_none(), "it is not sampled");
            trace = trace.sampled_at(1.0);
            let span = Span::begin(&mut trace).expect("it is sampled");
            tracing::warn!("something else");
            span.end(SUBJECT);
        });
        let request = received.recv().await.expect("a request");
        exporting.await.expect("ends with the layer");

        let request = ExportTraceServiceRequest::decode(request).expect("OTLP");
        let resource = format!("{:?}", request.resource_spans[0].resource);
        assert!(resource.contains("notes service"), "{resource}");
        let spans = &request.resource_spans[0].scope_spans[0].spans;
        let [span] = spans.as_slice() else { panic!("{spans:?}") };
        assert_eq!(span.name, "notes.note");
        assert_eq!(span.trace_id, trace.trace_id.to_be_bytes());
        assert_eq!(span.span_id, trace.span_id.to_be_bytes());
        assert_eq!(span.parent_span_id, caller.to_be_bytes());
        assert!(span.end_time_unix_nano >= span.start_time_unix_nano);
        assert_eq!(span.status.as_ref().map(|it| it.message.as_str()), Some("timeout"));
    }

    #[test]
    fn what_is_no_endpoint_is_refused() {
        for endpoint in ["", "127.0.0.1:4318", "https://a:4318", "http://a:4318/v1/traces"] {
            assert!(spans_to(endpoint, "notes", SystemClock).is_err(), "{endpoint}");
        }
    }
}
