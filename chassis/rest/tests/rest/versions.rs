//! Two versions of a contract, served beside each other: the old one as an adapter over the new.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use offshoot_contract::{CallContext, CallFailure, Contract, Edge, FailureKind, contract};
use offshoot_rest::{Client, ClientOptions, ExpectedStore, ServerOptions, ServiceKeys, Surface};
use uuid::Uuid;

use crate::notes::{Notes, NotesApi, NotesError, a_note, cx, failure_of, served};

/// Notes, which cannot be counted any more.
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
async fn callers_of_both_versions_are_answered() {
    let notes = Arc::new(Notes::default());
    let (store, key) = (Uuid::now_v7(), ServiceKeys::random());
    let options = ServerOptions {
        store_id: store,
        instance: Uuid::now_v7(),
        keys: key.of("notes"),
    };
    let routes = Surface::new("notes", options)
        .version(Arc::new(Edge::new(Arc::clone(&notes) as Arc<dyn NotesApi>)))
        .version(Arc::new(Edge::new(Arc::new(Adapter(notes)) as Arc<dyn NewNotesApi>)))
        .into_router();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move { axum::serve(listener, routes).await });
    let to = || {
        let address = format!("http://{address}").parse().unwrap();
        ClientOptions::to(address, key.of("notes"), ExpectedStore::exactly(store))
    };
    let (old, new) = (Client::<dyn NotesApi>::new(to()), Client::<dyn NewNotesApi>::new(to()));
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
    let (old, new) = (<dyn NotesApi>::object(old), <dyn NewNotesApi>::object(new));
    old.write(&mut cx(), "n".to_owned(), a_note("text")).await.unwrap();
    assert_eq!(old.note(&mut cx(), "n".to_owned()).await, Ok(a_note("text")));
    assert_eq!(new.text(&mut cx(), "n".to_owned()).await, Ok("text".to_owned()));
    server.abort();
}

#[tokio::test]
async fn a_version_that_is_not_served_is_another_contract() {
    let store = served().await;
    let client = Client::<dyn NewNotesApi>::new(ClientOptions::to(
        format!("http://{}", store.address).parse().unwrap(),
        store.key.of("notes"),
        ExpectedStore::exactly(store.store),
    ));
    let failure = client.identify(Duration::from_secs(2)).await.unwrap_err();
    assert_eq!(failure.kind(), &FailureKind::WrongContract);
    let call = <dyn NewNotesApi>::object(client).text(&mut cx(), "n".to_owned()).await;
    let failure: CallFailure = failure_of(call);
    assert_eq!(
        (failure.kind(), failure.may_have_executed()),
        (&FailureKind::WrongContract, false)
    );
    assert!(
        failure.message().contains("notes/2") && failure.message().contains("notes/1"),
        "{failure}"
    );
}
