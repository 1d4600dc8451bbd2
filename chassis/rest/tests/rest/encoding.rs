//! Round trips of values: arguments and outcomes survive the REST encoding, or the encoded placement reports a change.

use std::sync::Arc;

use offshoot_contract::{Edge, FailureKind};
use offshoot_rest::encoded_client;

use crate::notes::{Note, Notes, NotesApi, NotesError, Tag, cx, expect_failure, note_with_text, serve_notes};

/// Names with characters that are special in paths or queries.
const NAMES: [&str; 8] = ["plain", "a/b", "a b+c", "?&=#%", "ünï/ çode", "100%25", "..x", "{name}"];

#[tokio::test]
async fn parameters_survive_path_query_and_body() {
    let server = serve_notes().await;
    let api = server.client();
    for name in NAMES {
        api.write(&mut cx(), name.to_owned(), note_with_text(name))
            .await
            .unwrap();
        assert_eq!(
            api.note(&mut cx(), name.to_owned()).await,
            Ok(note_with_text(name)),
            "{name}"
        );
        let found = api.names(&mut cx(), Some(name.to_owned()), 0).await.unwrap();
        assert!(found.contains(&name.to_owned()), "{name}: {found:?}");
    }
    assert_eq!(api.names(&mut cx(), None, 0).await.unwrap().len(), NAMES.len());
    let missing = api.note(&mut cx(), "å".to_owned()).await;
    assert_eq!(missing, Err(NotesError::Unknown { name: "å".to_owned() }));
}

#[tokio::test]
async fn a_401_error_of_the_module_is_not_taken_for_a_refused_token() {
    let answer = serve_notes().await.client().note(&mut cx(), "diary".to_owned()).await;
    assert_eq!(answer, Err(NotesError::NotTheWriter));
}

#[tokio::test]
async fn a_path_parameter_that_a_path_cannot_carry_is_refused_by_the_client() {
    let server = serve_notes().await;
    for name in ["", ".", ".."] {
        let failure = expect_failure(server.client().note(&mut cx(), name.to_owned()).await);
        assert!(
            matches!(failure.kind(), FailureKind::Refused { status: 400, .. }),
            "{name}: {failure:?}"
        );
    }
}

#[tokio::test]
async fn the_encoded_placement_returns_the_modules_answer_and_executes_once() {
    let notes = Arc::new(Notes::default());
    let api = encoded_client(Arc::new(Edge::new(Arc::clone(&notes) as Arc<dyn NotesApi>)));
    api.write(&mut cx(), "a/b".to_owned(), note_with_text("text"))
        .await
        .unwrap();
    assert_eq!(api.note(&mut cx(), "a/b".to_owned()).await, Ok(note_with_text("text")));
    assert_eq!(api.count_after(&mut cx(), 0).await, Ok(1));
    assert_eq!(
        notes.counted.load(std::sync::atomic::Ordering::SeqCst),
        1,
        "the module executed the call twice"
    );
}

#[tokio::test]
async fn the_encoded_placement_reports_a_value_that_the_encoding_changes() {
    let notes = Arc::new(Notes::default());
    let api = encoded_client(Arc::new(Edge::new(Arc::clone(&notes) as Arc<dyn NotesApi>)));
    let lossy = Note {
        text: String::new(),
        tags: vec![Tag {
            name: "t".to_owned(),
            weight: 0.7,
        }],
    };
    let failure = expect_failure(api.write(&mut cx(), "n".to_owned(), lossy.clone()).await);
    assert_eq!(failure.kind(), &FailureKind::BadAnswer);
    assert!(failure.message().contains("arguments of notes.write"), "{failure}");
    notes.notes.lock().unwrap().insert("n".to_owned(), lossy);
    let failure = expect_failure(api.note(&mut cx(), "n".to_owned()).await);
    assert!(failure.message().contains("outcome of notes.note"), "{failure}");
}
