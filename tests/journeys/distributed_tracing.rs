//! Distributed tracing: one trace spans every process, and a failed call is one log line.

use std::net::Ipv4Addr;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use offshoot_tests::{Client, Data, Engine, Process, Response};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Longer than spans wait for their export.
const TIMEOUT: Duration = Duration::from_secs(20);
const PARENT_SPAN: &str = "00f067aa0ba902b7";

/// An OTLP collector that forwards each received span with the name of the sending process.
struct Collector {
    url: String,
    spans: mpsc::UnboundedReceiver<(String, Span)>,
}

/// The fields of a span that the tests compare.
#[derive(Debug)]
struct Span {
    trace_id: String,
    id: String,
    parent_id: String,
    name: String,
    start_nanos: u64,
    status: Option<String>,
}

impl Collector {
    async fn start() -> Self {
        let (sent, spans) = mpsc::unbounded_channel();
        let routes = Router::new().route("/v1/traces", post(receive_spans)).with_state(sent);
        let socket = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a free port");
        let url = format!(
            "http://{}",
            socket.local_addr().expect("a bound listener has an address")
        );
        tokio::spawn(async move { axum::serve(socket, routes).await });
        Self { url, spans }
    }

    /// Starts a process with this service name that samples only requests of operators with a sampled
    /// `traceparent`.
    async fn serve(&self, data: &Data, name: &str, arguments: &[&str]) -> Process {
        let environment = [
            ("OFFSHOOT__TELEMETRY__OTLP", self.url.as_str()),
            ("OFFSHOOT__TELEMETRY__SERVICE", name),
            ("OFFSHOOT__TELEMETRY__SAMPLE", "0"),
        ];
        data.serve_with(&environment, arguments).await
    }

    /// Waits for the next `count` spans, sorted by start time: callers before callees.
    async fn next(&mut self, count: usize) -> Vec<(String, Span)> {
        let mut spans = Vec::new();
        while spans.len() < count {
            let span = timeout(TIMEOUT, self.spans.recv()).await;
            spans.push(
                span.unwrap_or_else(|_| panic!("received only {spans:?}"))
                    .expect("the collector runs"),
            );
        }
        spans.sort_by_key(|(_, span)| span.start_nanos);
        spans
    }
}

async fn receive_spans(State(sent): State<mpsc::UnboundedSender<(String, Span)>>, body: Bytes) {
    let request: Value = serde_json::from_slice(&body).expect("OTLP as JSON");
    for process in list(&request["resourceSpans"]) {
        let name = text(&process["resource"]["attributes"][0]["value"]["stringValue"]);
        for span in list(&process["scopeSpans"])
            .iter()
            .flat_map(|scope| list(&scope["spans"]))
        {
            let span = Span {
                trace_id: text(&span["traceId"]),
                id: text(&span["spanId"]),
                parent_id: text(&span["parentSpanId"]),
                name: text(&span["name"]),
                start_nanos: text(&span["startTimeUnixNano"]).parse().expect("a number"),
                status: span["status"]["message"].as_str().map(str::to_owned),
            };
            sent.send((name.clone(), span)).expect("the test still receives");
        }
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).expect("a list")
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

async fn browse(client: &Client, trace: &str) -> Response {
    let request = client.request("GET", "/api/v1/products?page_size=1");
    let header = format!("00-{trace}-{PARENT_SPAN}-01");
    client.send(request.header("traceparent", header)).await
}

#[tokio::test]
async fn a_trace_covers_every_process_of_a_request() {
    let data = Data::new(Engine::Sqlite).await;
    let mut collector = Collector::start().await;
    let catalog = collector.serve(&data, "the catalog", &["--only", "catalog"]).await;
    let remote = format!("catalog={}", catalog.url());
    let front = collector.serve(&data, "the store", &["--remote", &remote]).await;
    front.wait_until_ready().await;
    let stranger = Client::new(front.url());
    let client = Client::new(front.url()).with_token(data.operator_token());

    let trace = "0af7651916cd43dd8448eb211c80319c";
    client.get("/api/v1/products").await.expect(200);
    // The trace of a stranger is not sampled, whatever the stranger asks for.
    browse(&stranger, "1bf7651916cd43dd8448eb211c80319c").await.expect(200);
    browse(&client, trace).await.expect(200);
    let spans = collector.next(3).await;
    let names: Vec<_> = spans
        .iter()
        .map(|(process, span)| (process.as_str(), span.name.as_str()))
        .collect();
    assert_eq!(
        names,
        [
            ("the store", "public.GET /api/v1/products"),
            ("the store", "catalog.browse"),
            ("the catalog", "catalog.browse"),
        ]
    );
    let mut parent = PARENT_SPAN.to_owned();
    for (_, span) in &spans {
        assert_eq!(
            (span.trace_id.as_str(), span.parent_id.as_str()),
            (trace, parent.as_str())
        );
        parent = span.id.clone();
    }

    catalog.kill().await;
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let refused = browse(&client, trace).await.expect_problem(503, "unavailable");
    assert_eq!(refused["trace_id"], trace);
    let spans = collector.next(2).await;
    let (_, call) = &spans[1];
    let status = call.status.as_deref();
    assert_eq!((call.name.as_str(), status), ("catalog.browse", Some("unavailable")));
    let log = std::fs::read_to_string(data.folder().join("process.log")).expect("the process has a log");
    let lines: Vec<_> = log.lines().filter(|line| line.contains(trace)).collect();
    let [line] = lines.as_slice() else { panic!("{lines:?}") };
    for part in [
        "call failed",
        "module=\"catalog\"",
        "caller=\"public\"",
        "code=\"unavailable\"",
        "refused",
    ] {
        assert!(line.contains(part), "`{part}` is not in {line}");
    }
    front.stop().await;
}
