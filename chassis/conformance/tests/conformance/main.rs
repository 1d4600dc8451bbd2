//! The conformance test names the deviations of a server: one that keeps no answers and has no events, and the same with a
//! fault in each answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::middleware::map_response;
use axum::response::Response;
use offshoot_conformance::{Report, Subject, serves, test_server};
use offshoot_contract::{CallContext, CallFailure, ContractError, Edge, contract, describe};
use offshoot_rest::{ServerOptions, ServiceKeys, no_tls, router};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

/// Readings of stations.
#[contract(name = "readings", version = "1.0")]
#[async_trait]
pub trait ReadingsApi: Send + Sync + 'static {
    /// Levels above a bound.
    #[get("/levels")]
    async fn levels(&self, cx: &mut CallContext, above: Option<u32>) -> Result<Vec<u32>, ReadingsError>;

    /// The reading of a station. Fails with `Silent`.
    #[post("/readings/lookup", safe)]
    async fn reading(&self, cx: &mut CallContext, station: String) -> Result<Reading, ReadingsError>;

    /// Adds a reading, and returns the number of readings.
    #[post("/readings")]
    async fn add(&self, cx: &mut CallContext, reading: Reading) -> Result<u32, ReadingsError>;
}

/// A reading.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Reading {
    station: String,
    level: u32,
}

/// Errors.
#[derive(Debug, Clone, PartialEq, thiserror::Error, ContractError)]
pub enum ReadingsError {
    /// The station has no reading.
    #[error("{station} is silent")]
    #[problem(status = 404, code = "silent")]
    Silent {
        /// The station.
        station: String,
    },
    /// The call failed.
    #[error(transparent)]
    Call(#[from] CallFailure),
}

#[derive(Default)]
struct Readings(AtomicU32);

#[async_trait]
impl ReadingsApi for Readings {
    async fn levels(&self, _: &mut CallContext, above: Option<u32>) -> Result<Vec<u32>, ReadingsError> {
        Ok(vec![above.unwrap_or_default()])
    }

    async fn reading(&self, _: &mut CallContext, station: String) -> Result<Reading, ReadingsError> {
        Err(ReadingsError::Silent { station })
    }

    async fn add(&self, _: &mut CallContext, _: Reading) -> Result<u32, ReadingsError> {
        Ok(self.0.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

/// Tests a server whose answers pass through `fault`. Also returns the number of calls with an effect.
async fn report(writes: bool, fault: fn(Response, Value) -> Response) -> (Report, u32) {
    let keys = ServiceKeys::random();
    let readings = Arc::new(Readings::default());
    let api: Arc<dyn ReadingsApi> = readings.clone();
    let options = ServerOptions {
        store_id: Uuid::new_v4(),
        instance: Uuid::new_v4(),
        keys: keys.for_module("readings"),
    };
    let health = Router::new()
        .route("/health/live", axum::routing::get(|| async {}))
        .route("/health/ready", axum::routing::get(|| async {}));
    let altered = move |response: Response| async move {
        let (head, body) = response.into_parts();
        let body = to_bytes(body, 1 << 20).await.expect("the body is in memory");
        let value = serde_json::from_slice(&body).unwrap_or_default();
        fault(Response::from_parts(head, Body::from(body)), value)
    };
    let routes = router(Arc::new(Edge::new(api)), options)
        .merge(health)
        .layer(map_response(altered));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("a bound address"));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    let url: offshoot_contract::ServerUrl = url.parse().expect("the URL is valid");
    assert!(serves(&url, no_tls(), "readings").await.expect("the server answers"));
    assert!(!serves(&url, no_tls(), "reading").await.expect("the server answers"));
    let subject = Subject {
        url,
        tls: no_tls(),
        keys,
        contract: describe::<dyn ReadingsApi>(),
        caller: "forecasts".to_owned(),
        writes,
    };
    let report = test_server(subject).await.expect("the server answers");
    (report, readings.0.load(Ordering::Relaxed))
}

/// The vectors that deviate, without requests for events, which this server does not have.
fn deviations(report: &Report) -> Vec<&str> {
    let all = report
        .deviations
        .iter()
        .filter(|each| !each.sent.contains("/v1/events"));
    let mut names: Vec<_> = all.map(|each| each.vector).collect();
    names.dedup();
    names
}

#[tokio::test]
async fn a_server_without_events_and_records_deviates_there_and_nowhere_else() {
    let (report, effects) = report(false, |response, _| response).await;
    assert_eq!(deviations(&report), [""; 0], "{report}");
    assert_eq!(effects, 0, "a test without writes has no effect");
    assert!(report.deviations.iter().any(|each| each.vector == "events-head"));
    assert!(!report.is_conforming() && report.finished);
    let text = report.to_string();
    for part in [
        "events-head: the answer is 502",
        "sent      GET /modules/readings/v1/events/head?beyond=-1",
        "section   Events",
    ] {
        assert!(text.contains(part), "`{part}` is missing in:\n{text}");
    }
}

#[tokio::test]
async fn a_key_that_is_not_kept_is_a_deviation() {
    let (report, effects) = report(true, |response, _| response).await;
    assert_eq!(
        deviations(&report),
        ["repeated-call", "reordered-arguments", "reused-key"],
        "{report}"
    );
    assert!(effects > 1);
}

#[tokio::test]
async fn a_refusal_that_does_not_state_the_effect_is_a_deviation() {
    let without_statement = |response: Response, value: Value| {
        if value.get("may_have_executed").is_none() {
            return response;
        }
        let mut value = value;
        value.as_object_mut().expect("a problem").remove("may_have_executed");
        let (head, _) = response.into_parts();
        Response::from_parts(head, Body::from(value.to_string()))
    };
    let (report, _) = report(false, without_statement).await;
    let names = deviations(&report);
    for name in [
        "no-token",
        "other-store",
        "unknown-path",
        "broken-json",
        "large-body",
        "empty-key",
    ] {
        assert!(names.contains(&name), "{name} is missing in {names:?}");
    }
    assert!(!names.contains(&"call") && !names.contains(&"identity"), "{names:?}");
}

#[tokio::test]
async fn answers_of_another_shape_or_without_identity_are_deviations() {
    let nameless = |mut response: Response, _: Value| {
        if response.status() == 200 {
            response.headers_mut().remove("offshoot-contract");
        }
        response
    };
    let (without_header, _) = report(false, nameless).await;
    assert!(
        deviations(&without_header).starts_with(&["identity"]),
        "{without_header}"
    );
    let negative = |response: Response, value: Value| match value.as_array() {
        Some(_) => response.map(|_| Body::from("[-1]")),
        None => response,
    };
    let (negative, _) = report(false, negative).await;
    let found = negative.deviations.iter().find(|each| each.vector == "call");
    let reason = found.map_or("", |found| found.reason.as_str());
    assert!(reason.contains("the answer[0] is -1"), "{negative}");
}

#[tokio::test]
async fn nothing_at_the_address_is_an_error() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("a bound address"));
    drop(listener);
    let url = url.parse().expect("the URL is valid");
    let error = serves(&url, no_tls(), "readings").await.expect_err("nothing listens");
    assert!(error.to_string().contains("gives no answer"), "{error}");
}
