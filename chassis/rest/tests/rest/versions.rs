//! Two major versions of a contract, served side by side by one surface.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use offshoot_contract::{CallContext, CallFailure, Contract, Edge, FailureKind, contract};
use offshoot_rest::{Client, ClientOptions, ExpectedStore, ServerOptions, ServiceKeys, Surface};
use uuid::Uuid;

use crate::notes::{Notes, NotesApi, NotesError, cx, expect_failure, note_with_text, serve_notes};

/// The next major version of the notes.
#[contract(name = "notes", version = "2.0")]
#[async_trait::async_trait]
pub(crate) trait NewNotesApi: Send + Sync + 'static {
    /// The text of a note.
    #[get("/notes/{name}")]
    async fn text(&self, cx: &mut CallContext, name: String) -> Result<String, NotesError>;
}

struct Adapter(Arc<Notes>);

#[async_trait]
impl NewNotesApi for Adapter {
    async fn text(&self, cx: &mut CallContext, name: String) -> Result<String, NotesError> {
        self.0.note(cx, name).await.map(|note| note.text)
    }
}

#[tokio::test]
async fn callers_of_both_versions_are_served() {
    let notes = Arc::new(Notes::default());
    let (store_id, keys) = (Uuid::now_v7(), ServiceKeys::random());
    let options = ServerOptions {
        store_id,
        instance: Uuid::now_v7(),
        keys: keys.for_module("notes"),
    };
    let routes = Surface::new("notes", options)
        .with_version(Arc::new(Edge::new(Arc::clone(&notes) as Arc<dyn NotesApi>)))
        .with_version(Arc::new(Edge::new(Arc::new(Adapter(notes)) as Arc<dyn NewNotesApi>)))
        .into_router();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move { axum::serve(listener, routes).await });
    let options = || {
        let address = format!("http://{address}").parse().unwrap();
        ClientOptions::for_address(address, keys.for_module("notes"), ExpectedStore::exactly(store_id))
    };
    let (old, new) = (
        Client::<dyn NotesApi>::new(options()),
        Client::<dyn NewNotesApi>::new(options()),
    );
    for identity in [
        old.identify(Duration::from_secs(2)).await,
        new.identify(Duration::from_secs(2)).await,
    ] {
        let versions: Vec<_> = identity
            .unwrap()
            .versions
            .into_iter()
            .map(|served| served.version)
            .collect();
        assert_eq!(versions, ["1.0", "2.0"]);
    }
    let (old, new) = (<dyn NotesApi>::new_proxy(old), <dyn NewNotesApi>::new_proxy(new));
    old.write(&mut cx(), "n".to_owned(), note_with_text("text"))
        .await
        .unwrap();
    assert_eq!(old.note(&mut cx(), "n".to_owned()).await, Ok(note_with_text("text")));
    assert_eq!(new.text(&mut cx(), "n".to_owned()).await, Ok("text".to_owned()));
    server.abort();
}

#[tokio::test]
async fn a_version_that_is_not_served_is_the_wrong_contract() {
    let server = serve_notes().await;
    let client = Client::<dyn NewNotesApi>::new(ClientOptions::for_address(
        format!("http://{}", server.address).parse().unwrap(),
        server.keys.for_module("notes"),
        ExpectedStore::exactly(server.store_id),
    ));
    let failure = client.identify(Duration::from_secs(2)).await.unwrap_err();
    assert_eq!(failure.kind(), &FailureKind::WrongContract);
    let call = <dyn NewNotesApi>::new_proxy(client)
        .text(&mut cx(), "n".to_owned())
        .await;
    let failure: CallFailure = expect_failure(call);
    assert_eq!(
        (failure.kind(), failure.may_have_executed()),
        (&FailureKind::WrongContract, false)
    );
    assert!(
        failure.message().contains("notes/2") && failure.message().contains("notes/1"),
        "{failure}"
    );
}
