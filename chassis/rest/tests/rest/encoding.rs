//! Values come back as they went.

use std::sync::Arc;

use offshoot_contract::{Edge, FailureKind};
use offshoot_rest::encoded;

use crate::notes::{Note, Notes, NotesApi, NotesError, Tag, a_note, cx, failure_of, served};

/// Names that a path or a query could tear apart.
const NAMES: [&str; 8] = ["plain", "a/b", "a b+c", "?&=#%", "ünï/ çode", "100%25", "..x", "{name}"];

#[tokio::test]
async fn parameters_survive_path_query_and_body() {
    let store = served().await;
    let api = store.client();
    for name in NAMES {
        api.write(&mut cx(), name.to_owned(), a_note(name)).await.unwrap();
        assert_eq!(api.note(&mut cx(), name.to_owned()).await, Ok(a_note(name)), "{name}");
        let found = api.names(&mut cx(), Some(name.to_owned()), 0).await.unwrap();
        assert!(found.contains(&name.to_owned()), "{name}: {found:?}");
    }
    assert_eq!(api.names(&mut cx(), None, 0).await.unwrap().len(), NAMES.len());
    let missing = api.note(&mut cx(), "å".to_owned()).await;
    assert_eq!(missing, Err(NotesError::Unknown { name: "å".to_owned() }));
}

#[tokio::test]
async fn a_401_of_the_modules_own_is_its_answer() {
    let answer = served().await.client().note(&mut cx(), "diary".to_owned()).await;
    assert_eq!(answer, Err(NotesError::NotTheWriter));
}

#[tokio::test]
async fn what_cannot_stand_in_a_path_is_refused_before_it_is_sent() {
    let store = served().await;
    for name in ["", ".", ".."] {
        let failure = failure_of(store.client().note(&mut cx(), name.to_owned()).await);
        assert!(
            matches!(failure.kind(), FailureKind::Refused { status: 400, .. }),
            "{name}: {failure:?}"
        );
    }
}

#[tokio::test]
async fn the_encoding_in_process_answers_what_the_module_answers() {
    let notes = Arc::new(Notes::default());
    let api = encoded(Arc::new(Edge::new(Arc::clone(&notes) as Arc<dyn NotesApi>)));
    api.write(&mut cx(), "a/b".to_owned(), a_note("text")).await.unwrap();
    assert_eq!(api.note(&mut cx(), "a/b".to_owned()).await, Ok(a_note("text")));
    assert_eq!(api.count_after(&mut cx(), 0).await, Ok(1));
    assert_eq!(
        notes.counted.load(std::sync::atomic::Ordering::SeqCst),
        1,
        "nothing runs twice"
    );
}

#[tokio::test]
async fn a_value_that_the_encoding_changes_is_found_in_process() {
    let notes = Arc::new(Notes::default());
    let api = encoded(Arc::new(Edge::new(Arc::clone(&notes) as Arc<dyn NotesApi>)));
    let lossy = Note {
        text: String::new(),
        tags: vec![Tag {
            name: "t".to_owned(),
            weight: 0.7,
        }],
    };
    let failure = failure_of(api.write(&mut cx(), "n".to_owned(), lossy.clone()).await);
    assert_eq!(failure.kind(), &FailureKind::BadAnswer);
    assert!(failure.message().contains("arguments of notes.write"), "{failure}");
    notes.notes.lock().unwrap().insert("n".to_owned(), lossy);
    let failure = failure_of(api.note(&mut cx(), "n".to_owned()).await);
    assert!(failure.message().contains("outcome of notes.note"), "{failure}");
}
