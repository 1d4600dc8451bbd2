//! A request that is traced can be followed through every process, and a call that fails is one line in a log.

use std::net::Ipv4Addr;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use offshoot_tests::{Answer, Client, Data, Engine, Process};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Longer than spans wait to be sent.
const PATIENCE: Duration = Duration::from_secs(20);
const CALLER: &str = "00f067aa0ba902b7";

/// What a collector of traces was sent: the process's name and the span.
struct Collector {
    url: String,
    spans: mpsc::UnboundedReceiver<(String, Span)>,
}

impl Collector {
    async fn start() -> Self {
        let (sent, spans) = mpsc::unbounded_channel();
        let routes = Router::new().route("/v1/traces", post(take)).with_state(sent);
        let socket = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a port");
        let url = format!("http://{}", socket.local_addr().expect("it is bound"));
        tokio::spawn(async move { axum::serve(socket, routes).await });
        Self { url, spans }
    }

    /// Starts a process of this name that traces only what it is asked to.
    async fn serve(&self, data: &Data, name: &str, arguments: &[&str]) -> Process {
        let environment = [
            ("OFFSHOOT__TELEMETRY__OTLP", self.url.as_str()),
            ("OFFSHOOT__TELEMETRY__SERVICE", name),
            ("OFFSHOOT__TELEMETRY__SAMPLE", "0"),
        ];
        data.serve_with(&environment, arguments).await
    }

    /// The next spans, those of callers before those of callees.
    async fn next(&mut self, count: usize) -> Vec<(String, Span)> {
        let mut spans = Vec::new();
        while spans.len() < count {
            let span = timeout(PATIENCE, self.spans.recv()).await;
            spans.push(
                span.unwrap_or_else(|_| panic!("only {spans:?}"))
                    .expect("the collector runs"),
            );
        }
        spans.sort_by_key(|(_, span)| span.start_time_unix_nano);
        spans
    }
}

async fn take(State(sent): State<mpsc::UnboundedSender<(String, Span)>>, body: Bytes) {
    let request = ExportTraceServiceRequest::decode(body).expect("OTLP");
    for of_process in request.resource_spans {
        let resource = format!("{:?}", of_process.resource);
        let names = ["the store", "the catalog"].into_iter();
        let name = names.filter(|name| resource.contains(name)).collect::<String>();
        for span in of_process.scope_spans.into_iter().flat_map(|scope| scope.spans) {
            sent.send((name.clone(), span)).expect("the test listens");
        }
    }
}

async fn browse(client: &Client, trace: &str) -> Answer {
    let request = client.request("GET", "/api/v1/products?page_size=1");
    let header = format!("00-{trace}-{CALLER}-01");
    client.send(request.header("traceparent", header)).await
}

#[tokio::test]
async fn a_request_is_found_again_in_every_process() {
    let data = Data::new(Engine::Sqlite).await;
    let mut collector = Collector::start().await;
    let catalog = collector.serve(&data, "the catalog", &["--only", "catalog"]).await;
    let remote = format!("catalog={}", catalog.url());
    let front = collector.serve(&data, "the store", &["--remote", &remote]).await;
    front.ready().await;
    let client = Client::new(front.url());

    let trace = "0af7651916cd43dd8448eb211c80319c";
    client.get("/api/v1/products").await.expect(200);
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
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let mut parent = CALLER.to_owned();
    for (_, span) in &spans {
        assert_eq!(
            (hex(&span.trace_id), hex(&span.parent_span_id)),
            (trace.to_owned(), parent)
        );
        parent = hex(&span.span_id);
    }

    catalog.kill().await;
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let refused = browse(&client, trace).await.expect_problem(503, "unavailable");
    assert_eq!(refused["trace_id"], trace);
    let spans = collector.next(2).await;
    let (_, call) = &spans[1];
    let status = call.status.as_ref().map(|status| status.message.as_str());
    assert_eq!((call.name.as_str(), status), ("catalog.browse", Some("unavailable")));
    let log = std::fs::read_to_string(data.folder().join("process.log")).expect("it has logged");
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
