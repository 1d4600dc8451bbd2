//! Subscriptions to a log in another process, over HTTP.

use std::net::Ipv4Addr;
use std::sync::Arc;

use async_trait::async_trait;
use offshoot_contract::{CallContext, CallFailure, ContractError, Edge, contract};
use offshoot_outbox::{EventSource, HttpSource, LocalSource, ReadRequest, serve_events};
use offshoot_rest::{Client, ClientOptions, ExpectedStore, ServerOptions, ServiceKeys, Surface};
use offshoot_testkit::{ScratchDatabase, free_address, on_both_engines};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::harness::{Harness, Process, WarehouseEvent, counted, counts_of, publish, recording_subscription};

on_both_engines! {
    events_are_delivered_over_http,
    only_allowed_callers_may_read,
    an_unavailable_server_is_retried,
}

/// Counts shelves.
#[contract(name = "warehouse", version = "1.0", events = WarehouseEvent)]
#[async_trait]
trait WarehouseApi: Send + Sync + 'static {
    /// Number of shelves.
    #[get("/shelves/count")]
    async fn shelves(&self, cx: &mut CallContext) -> Result<u32, WarehouseError>;
}

#[derive(Debug, Clone, PartialEq, thiserror::Error, ContractError)]
enum WarehouseError {
    #[error(transparent)]
    Call(#[from] CallFailure),
}

struct Shelves;

#[async_trait]
impl WarehouseApi for Shelves {
    async fn shelves(&self, _: &mut CallContext) -> Result<u32, WarehouseError> {
        Ok(3)
    }
}

/// Serves the warehouse's contract and log at `port`, or at a free port for 0.
async fn serve(harness: &Harness, keys: &ServiceKeys, port: u16) -> (u16, JoinHandle<()>) {
    let options = ServerOptions {
        store_id: harness.warehouse.store_id(),
        instance: harness.warehouse.store_id(),
        keys: keys.for_module("warehouse"),
    };
    let edge = Arc::new(Edge::new(Arc::new(Shelves) as Arc<dyn WarehouseApi>).with_callers(&["audit"]));
    let surface = Surface::new("warehouse", options).with_version(edge);
    let routes = serve_events::<dyn WarehouseApi>(surface, LocalSource::new(harness.warehouse.clone())).into_router();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    (port, server)
}

fn source(harness: &Harness, keys: &ServiceKeys, port: u16, reader: &'static str) -> Arc<dyn EventSource> {
    let client = Client::<dyn WarehouseApi>::new(ClientOptions::for_address(
        format!("http://127.0.0.1:{port}").parse().unwrap(),
        keys.for_module("warehouse"),
        ExpectedStore::exactly(harness.warehouse.store_id()),
    ));
    HttpSource::new(&client, reader)
}

async fn events_are_delivered_over_http(database: ScratchDatabase) {
    let harness = Harness::on(database).await;
    let keys = ServiceKeys::random();
    let (port, _server) = serve(&harness, &keys, 0).await;
    let reading = source(&harness, &keys, port, "audit");
    let _process = Process::start(&harness.audit, reading, recording_subscription(&harness.subscriber, 2));
    for count in 0..30 {
        publish(&harness.warehouse, &[counted("a", count), counted("b", count)]).await;
    }
    let recorded = harness.wait_for_events(60).await;
    assert_eq!(counts_of(&recorded, "a"), (0..30).collect::<Vec<_>>());
}

async fn only_allowed_callers_may_read(database: ScratchDatabase) {
    let harness = Harness::on(database).await;
    let keys = ServiceKeys::random();
    let (port, _server) = serve(&harness, &keys, 0).await;
    let refused = source(&harness, &keys, port, "stranger").head(-1).await.unwrap_err();
    assert!(
        refused.to_string().contains("stranger may not call warehouse"),
        "{refused}"
    );
    let refused = source(&harness, &ServiceKeys::random(), port, "audit").head(-1).await;
    assert!(refused.is_err());
    // A module cannot report progress for another module, because retention would remove unread events.
    let request = ReadRequest {
        reader: "till/recorder".to_owned(),
        after: 7,
        partition: 0,
        partitions: 1,
        limit: 1,
    };
    let refused = source(&harness, &keys, port, "audit").read(&request).await.unwrap_err();
    assert!(refused.to_string().contains("use `audit/<subscription>`"), "{refused}");
}

async fn an_unavailable_server_is_retried(database: ScratchDatabase) {
    let harness = Harness::on(database).await;
    let keys = ServiceKeys::random();
    let (port, server) = serve(&harness, &keys, free_address().port()).await;
    let reading = source(&harness, &keys, port, "audit");
    let _process = Process::start(&harness.audit, reading, recording_subscription(&harness.subscriber, 1));
    publish(&harness.warehouse, &[counted("a", 1)]).await;
    harness.wait_for_events(1).await;
    server.abort();
    // The socket is closed once the task has ended.
    server.await.unwrap_err();
    publish(&harness.warehouse, &[counted("a", 2)]).await;
    let (_, _server) = serve(&harness, &keys, port).await;
    assert_eq!(counts_of(&harness.wait_for_events(2).await, "a"), [1, 2]);
}
