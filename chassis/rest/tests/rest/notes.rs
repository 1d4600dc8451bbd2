//! Fixture: a small contract with every kind of parameter, and a server for it on a socket.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use offshoot_contract::{CallContext, CallFailure, Contract, ContractError, Edge, contract};
use offshoot_rest::{Client, ClientOptions, ExpectedStore, ServerOptions, ServiceKeys, Surface};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use uuid::Uuid;

/// Duration of calls that last until the test releases them.
pub(crate) const HELD: u64 = 1 << 40;
/// Callers that the served module admits.
pub(crate) const CALLERS: [&str; 2] = ["test", "friend"];

/// Notes under names.
#[contract(name = "notes", version = "1.0")]
#[async_trait]
pub(crate) trait NotesApi: Send + Sync + 'static {
    /// A note.
    #[get("/notes/{name}")]
    async fn note(&self, cx: &mut CallContext, name: String) -> Result<Note, NotesError>;

    /// Names that begin with `start` and have more than `longer_than` bytes.
    #[get("/notes")]
    async fn names(
        &self,
        cx: &mut CallContext,
        start: Option<String>,
        longer_than: u32,
    ) -> Result<Vec<String>, NotesError>;

    /// Writes a note.
    #[put("/notes/{name}", max = "1KiB")]
    async fn write(&self, cx: &mut CallContext, name: String, note: Note) -> Result<(), NotesError>;

    /// Sleeps `ms` milliseconds, or waits until the test releases calls of [`HELD`], then increments the counter. Unsafe.
    #[post("/counts")]
    async fn count_after(&self, cx: &mut CallContext, ms: u64) -> Result<u32, NotesError>;

    /// Like `count_after`, but declared safe, so that tests see whether a safe call was cancelled.
    #[get("/waits")]
    async fn wait(&self, cx: &mut CallContext, ms: u64) -> Result<u32, NotesError>;
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Note {
    pub(crate) text: String,
    pub(crate) tags: Vec<Tag>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Tag {
    pub(crate) name: String,
    /// Deliberately lossy: serialization rounds the value.
    #[serde(default, skip_serializing_if = "is_zero", serialize_with = "rounded")]
    pub(crate) weight: f64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(weight: &f64) -> bool {
    *weight == 0.0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn rounded<S: serde::Serializer>(weight: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(weight.round())
}

#[derive(Debug, Clone, PartialEq, thiserror::Error, ContractError)]
pub(crate) enum NotesError {
    #[error("there is no note {name}")]
    #[problem(status = 404, code = "unknown-note")]
    Unknown { name: String },
    /// A 401 that is the module's own error, not a refused token.
    #[error("this note is for its writer")]
    #[problem(status = 401, code = "not-the-writer")]
    NotTheWriter,
    #[error(transparent)]
    Call(#[from] CallFailure),
}

#[derive(Default)]
pub(crate) struct Notes {
    pub(crate) notes: Mutex<BTreeMap<String, Note>>,
    /// Executions of `count_after` and `wait` that have begun, that have counted, and that have ended, by counting or not.
    pub(crate) begun: AtomicU32,
    pub(crate) counted: AtomicU32,
    pub(crate) ended: AtomicU32,
    pub(crate) released: Notify,
}

/// Counts the end of an execution, even of a cancelled one.
struct End<'a>(&'a AtomicU32);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl NotesApi for Notes {
    async fn note(&self, _: &mut CallContext, name: String) -> Result<Note, NotesError> {
        assert_ne!(name, "panics", "the tests of failures ask for this");
        if name == "diary" {
            return Err(NotesError::NotTheWriter);
        }
        self.notes
            .lock()
            .unwrap()
            .get(&name)
            .cloned()
            .ok_or(NotesError::Unknown { name })
    }

    async fn names(
        &self,
        _: &mut CallContext,
        start: Option<String>,
        longer_than: u32,
    ) -> Result<Vec<String>, NotesError> {
        let notes = self.notes.lock().unwrap();
        let wanted = |name: &&String| {
            name.starts_with(start.as_deref().unwrap_or_default()) && name.len() > longer_than as usize
        };
        Ok(notes.keys().filter(wanted).cloned().collect())
    }

    async fn write(&self, _: &mut CallContext, name: String, note: Note) -> Result<(), NotesError> {
        self.notes.lock().unwrap().insert(name, note);
        Ok(())
    }

    async fn count_after(&self, _: &mut CallContext, ms: u64) -> Result<u32, NotesError> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        let _end = End(&self.ended);
        match ms {
            HELD => self.released.notified().await,
            ms => tokio::time::sleep(Duration::from_millis(ms)).await,
        }
        Ok(self.counted.fetch_add(1, Ordering::SeqCst) + 1)
    }

    async fn wait(&self, cx: &mut CallContext, ms: u64) -> Result<u32, NotesError> {
        self.count_after(cx, ms).await
    }
}

pub(crate) fn note_with_text(text: &str) -> Note {
    Note {
        text: text.to_owned(),
        tags: Vec::new(),
    }
}

/// A running server of the notes contract.
pub(crate) struct NotesServer {
    pub(crate) notes: Arc<Notes>,
    pub(crate) address: SocketAddr,
    pub(crate) store_id: Uuid,
    pub(crate) keys: ServiceKeys,
    server: tokio::task::JoinHandle<()>,
}

impl Drop for NotesServer {
    fn drop(&mut self) {
        self.server.abort();
    }
}

pub(crate) async fn serve_notes() -> NotesServer {
    serve_notes_with_keys(ServiceKeys::random()).await
}

pub(crate) async fn serve_notes_with_keys(keys: ServiceKeys) -> NotesServer {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    serve_notes_at(listener, address, keys)
}

/// A server with this limit on calls in flight.
pub(crate) async fn serve_notes_with_limit(in_flight: usize) -> NotesServer {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    serve_limited(listener, address, ServiceKeys::random(), in_flight)
}

/// Serves the notes on a listener bound to `address`.
pub(crate) fn serve_notes_at(
    listener: impl axum::serve::Listener<Addr: std::fmt::Debug>,
    address: SocketAddr,
    keys: ServiceKeys,
) -> NotesServer {
    serve_limited(listener, address, keys, 1_024)
}

fn serve_limited(
    listener: impl axum::serve::Listener<Addr: std::fmt::Debug>,
    address: SocketAddr,
    keys: ServiceKeys,
    in_flight: usize,
) -> NotesServer {
    let notes = Arc::new(Notes::default());
    let store_id = Uuid::now_v7();
    let options = ServerOptions {
        store_id,
        instance: Uuid::now_v7(),
        keys: keys.for_module("notes"),
    };
    let edge = Arc::new(Edge::new(Arc::clone(&notes) as Arc<dyn NotesApi>).with_callers(&CALLERS));
    let surface = Surface::new("notes", options).with_max_in_flight(in_flight);
    let routes = surface.with_version(edge).into_router();
    let server = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    NotesServer {
        notes,
        address,
        store_id,
        keys,
        server,
    }
}

impl NotesServer {
    /// Ends the server: connections are refused afterwards.
    pub(crate) async fn stop(&self) {
        self.server.abort();
        until(|| self.server.is_finished()).await;
    }

    pub(crate) fn client(&self) -> Arc<dyn NotesApi> {
        connect(self.address, &self.keys, ExpectedStore::exactly(self.store_id))
    }
}

pub(crate) fn connect(address: SocketAddr, keys: &ServiceKeys, store: ExpectedStore) -> Arc<dyn NotesApi> {
    <dyn NotesApi>::new_proxy(Client::<dyn NotesApi>::new(ClientOptions::for_address(
        format!("http://{address}").parse().unwrap(),
        keys.for_module("notes"),
        store,
    )))
}

pub(crate) fn cx() -> CallContext {
    CallContext::root("test")
}

/// Waits for an event, however long the machine takes.
pub(crate) async fn until(mut holds: impl FnMut() -> bool) {
    let give_up = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < give_up, "the event did not come");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

pub(crate) fn expect_failure<T: std::fmt::Debug>(outcome: Result<T, NotesError>) -> CallFailure {
    match outcome {
        Err(NotesError::Call(failure)) => failure,
        other => panic!("expected a call failure, got {other:?}"),
    }
}
