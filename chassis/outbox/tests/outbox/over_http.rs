//! The log in another process: the same subscription, over a socket.

use std::net::Ipv4Addr;
use std::sync::Arc;

use async_trait::async_trait;
use offshoot_contract::{CallContext, CallFailure, ContractError, Edge, contract};
use offshoot_outbox::{Ask, EventSource, HttpSource, LocalSource, serve_events};
use offshoot_rest::{Client, ClientOptions, ExpectedStore, ServerOptions, ServiceKeys, Surface};
use offshoot_testkit::{Fresh, on_both_engines};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::rig::{DepotEvent, Process, Rig, announce, counted, listening, of};

on_both_engines! {
    events_come_over_a_socket,
    who_may_not_call_may_not_read,
    a_server_that_is_away_is_waited_for,
}

/// Counts shelves.
#[contract(name = "depot", version = "1.0", callers = ["ledger"], events = DepotEvent)]
#[async_trait]
trait DepotApi: Send + Sync + 'static {
    /// How many shelves there are.
    #[get("/shelves/count")]
    async fn shelves(&self, cx: &mut CallContext) -> Result<u32, DepotError>;
}

#[derive(Debug, Clone, PartialEq, thiserror::Error, ContractError)]
enum DepotError {
    #[error(transparent)]
    Call(#[from] CallFailure),
}

struct Shelves;

#[async_trait]
impl DepotApi for Shelves {
    async fn shelves(&self, _: &mut CallContext) -> Result<u32, DepotError> {
        Ok(3)
    }
}

/// Serves the depot's contract and log at this port, or a free one.
async fn serve(rig: &Rig, keys: &ServiceKeys, port: u16) -> (u16, JoinHandle<()>) {
    let options = ServerOptions {
        store_id: rig.depot.store_id(),
        instance: rig.depot.store_id(),
        keys: keys.of("depot"),
    };
    let edge = Arc::new(Edge::new(Arc::new(Shelves) as Arc<dyn DepotApi>));
    let surface = Surface::new("depot", options).version(edge);
    let routes = serve_events::<dyn DepotApi>(surface, LocalSource::new(rig.depot.clone())).into_router();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    (port, server)
}

fn source(rig: &Rig, keys: &ServiceKeys, port: u16, reader: &'static str) -> Arc<dyn EventSource> {
    let client = Client::<dyn DepotApi>::new(ClientOptions::to(
        format!("http://127.0.0.1:{port}").parse().unwrap(),
        keys.of("depot"),
        ExpectedStore::exactly(rig.depot.store_id()),
    ));
    HttpSource::new(Arc::new(client), reader)
}

async fn events_come_over_a_socket(place: Fresh) {
    let rig = Rig::on(place).await;
    let keys = ServiceKeys::random();
    let (port, _server) = serve(&rig, &keys, 0).await;
    let reading = source(&rig, &keys, port, "ledger");
    let _process = Process::start(&rig.ledger, reading, listening(&rig.listener, 2));
    for count in 0..30 {
        announce(&rig.depot, &[counted("a", count), counted("b", count)]).await;
    }
    let heard = rig.hears(60).await;
    assert_eq!(of(&heard, "a"), (0..30).collect::<Vec<_>>());
}

async fn who_may_not_call_may_not_read(place: Fresh) {
    let rig = Rig::on(place).await;
    let keys = ServiceKeys::random();
    let (port, _server) = serve(&rig, &keys, 0).await;
    let refused = source(&rig, &keys, port, "stranger").head(-1).await.unwrap_err();
    assert!(refused.to_string().contains("stranger may not call depot"), "{refused}");
    let refused = source(&rig, &ServiceKeys::random(), port, "ledger").head(-1).await;
    assert!(refused.is_err());
    // What another one has yet to read is kept: nobody says for it how far it is.
    let ask = Ask {
        reader: "till/listener".to_owned(),
        after: 7,
        partition: 0,
        of: 1,
        limit: 1,
    };
    let refused = source(&rig, &keys, port, "ledger").read(&ask).await.unwrap_err();
    assert!(
        refused.to_string().contains("ledger reads as `ledger/<subscription>`"),
        "{refused}"
    );
}

async fn a_server_that_is_away_is_waited_for(place: Fresh) {
    let rig = Rig::on(place).await;
    let keys = ServiceKeys::random();
    let (port, server) = serve(&rig, &keys, 0).await;
    let reading = source(&rig, &keys, port, "ledger");
    let _process = Process::start(&rig.ledger, reading, listening(&rig.listener, 1));
    announce(&rig.depot, &[counted("a", 1)]).await;
    rig.hears(1).await;
    server.abort();
    announce(&rig.depot, &[counted("a", 2)]).await;
    let (_, _server) = serve(&rig, &keys, port).await;
    assert_eq!(of(&rig.hears(2).await, "a"), [1, 2]);
}
