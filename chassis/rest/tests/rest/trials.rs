//! Trials: each call has one side, the other side stands in, and observed calls are repeated as mirrored calls.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use offshoot_contract::{
    Attempt, Contract, Edge, MethodSpec, ObservedCall, Side, Switch, Target, Trial, TrialObserver,
};
use offshoot_rest::{ClientLimits, encoding_check};

use crate::notes::{
    HELD, Note, Notes, NotesApi, NotesServer, Tag, cx, expect_failure, note_with_text, serve_notes,
    serve_notes_with_limit, until,
};

/// Number of hashes.
const ALL: u64 = 1 << 32;

/// Keeps attempts and observed calls.
#[derive(Default)]
struct Recorder {
    wants: AtomicBool,
    attempts: Mutex<Vec<Attempt>>,
    observed: Mutex<Vec<Box<dyn ObservedCall>>>,
}

impl TrialObserver for Recorder {
    fn attempt(&self, attempt: &Attempt) {
        self.attempts.lock().unwrap().push(*attempt);
    }

    fn wants(&self, _: usize, _: &'static MethodSpec) -> bool {
        self.wants.load(Ordering::SeqCst)
    }

    fn observe(&self, call: Box<dyn ObservedCall>) {
        self.observed.lock().unwrap().push(call);
    }
}

impl Recorder {
    /// Side, outcome, and whether the local side stood in, of each attempt.
    fn attempts(&self) -> Vec<(Side, &'static str, bool)> {
        let mut attempts = self.attempts.lock().unwrap();
        let attempts = attempts.drain(..);
        attempts
            .map(|one| (one.side, one.outcome.as_str(), one.is_fallback))
            .collect()
    }

    fn take_observed(&self) -> Box<dyn ObservedCall> {
        self.observed.lock().unwrap().pop().expect("a call was observed")
    }
}

/// A module in this process, and a candidate with other data, so that answers tell the side.
struct Sides {
    here: Arc<Notes>,
    there: NotesServer,
    recorder: Arc<Recorder>,
    switch: Arc<Switch<dyn NotesApi>>,
    api: Arc<dyn NotesApi>,
}

impl Sides {
    fn new(there: NotesServer) -> Self {
        let here = Arc::new(Notes::default());
        let edge = Arc::new(Edge::new(Arc::clone(&here) as Arc<dyn NotesApi>));
        let switch = Arc::new(Switch::new(Target::Local(edge)));
        let api = <dyn NotesApi>::new_proxy(Arc::clone(&switch));
        Self {
            here,
            there,
            recorder: Arc::default(),
            switch,
            api,
        }
    }

    /// Sends calls with a hash below `threshold` to the candidate.
    fn divide(&self, threshold: u64, fallback: bool) {
        self.switch.route_to(Target::Trial(Arc::new(Trial {
            local: Some(Arc::new(Edge::new(Arc::clone(&self.here) as Arc<dyn NotesApi>))),
            candidate: Some(self.there.client()),
            mirror: Some(self.there.client()),
            encoding: None,
            threshold,
            salt: 7,
            fallback,
            observer: Arc::clone(&self.recorder) as Arc<dyn TrialObserver>,
        })));
    }

    /// The names whose note the candidate writes.
    async fn written_there(&self, names: &[String]) -> BTreeSet<String> {
        for name in names {
            self.api
                .write(&mut cx(), name.clone(), note_with_text(name))
                .await
                .unwrap();
            // The note is on the side that writes, so another side would not find the note.
            self.api.note(&mut cx(), name.clone()).await.unwrap();
        }
        let mut there = self.there.notes.notes.lock().unwrap();
        std::mem::take(&mut *there).into_keys().collect()
    }
}

#[tokio::test]
async fn all_calls_of_a_key_are_on_one_side_and_a_larger_share_only_adds_keys() {
    let sides = Sides::new(serve_notes().await);
    let names: Vec<_> = (0..200).map(|number| format!("note-{number}")).collect();
    sides.divide(ALL / 4, true);
    let quarter = sides.written_there(&names).await;
    sides.divide(ALL / 2, true);
    let half = sides.written_there(&names).await;
    assert!(quarter.is_subset(&half), "{:?}", &quarter - &half);
    // Five standard deviations of fair draws.
    assert!((20..=80).contains(&quarter.len()), "{}", quarter.len());
    assert!((65..=135).contains(&half.len()), "{}", half.len());
    sides.divide(ALL, true);
    assert_eq!(sides.written_there(&names).await.len(), names.len());
    sides.divide(0, true);
    assert_eq!(sides.written_there(&names).await.len(), 0);
}

#[tokio::test]
async fn a_call_that_the_candidate_does_not_answer_runs_here_outside_of_the_retry_budget() {
    let sides = Sides::new(serve_notes().await);
    sides.there.stop().await;
    sides.divide(ALL, true);
    let mut cx = cx();
    assert_eq!(
        sides.api.write(&mut cx, "a".to_owned(), note_with_text("t")).await,
        Ok(())
    );
    assert_eq!(sides.api.note(&mut cx, "a".to_owned()).await, Ok(note_with_text("t")));
    assert_eq!(sides.api.count_after(&mut cx, 0).await, Ok(1));
    let attempts = sides.recorder.attempts();
    assert_eq!(attempts.len(), 6, "{attempts:?}");
    for pair in attempts.chunks(2) {
        assert_eq!((pair[0].0, pair[0].2), (Side::Candidate, false), "{pair:?}");
        assert_ne!(pair[0].1, "ok");
        assert_eq!(pair[1], (Side::Local, "ok", true));
    }
    assert_eq!(cx.retries_left(), 3, "standing in is no retry");
}

#[tokio::test]
async fn a_domain_error_of_the_candidate_is_an_answer_and_nobody_stands_in() {
    let sides = Sides::new(serve_notes().await);
    sides.divide(ALL, true);
    sides
        .here
        .notes
        .lock()
        .unwrap()
        .insert("only-here".to_owned(), note_with_text("t"));
    assert!(sides.api.note(&mut cx(), "only-here".to_owned()).await.is_err());
    assert_eq!(sides.recorder.attempts(), [(Side::Candidate, "domain-error", false)]);
}

#[tokio::test]
async fn without_a_standby_the_failure_reaches_the_caller() {
    let sides = Sides::new(serve_notes().await);
    sides.there.stop().await;
    sides.divide(ALL, false);
    expect_failure(sides.api.note(&mut cx(), "a".to_owned()).await);
    assert!(
        sides
            .recorder
            .attempts()
            .iter()
            .all(|(side, ..)| *side == Side::Candidate)
    );
}

#[tokio::test]
async fn an_observed_call_is_repeated_on_either_side_with_the_same_arguments() {
    let sides = Sides::new(serve_notes().await);
    sides.divide(0, true);
    sides.recorder.wants.store(true, Ordering::SeqCst);
    sides
        .here
        .notes
        .lock()
        .unwrap()
        .insert("a".to_owned(), note_with_text("here"));
    sides
        .there
        .notes
        .notes
        .lock()
        .unwrap()
        .insert("a".to_owned(), note_with_text("there"));
    sides.api.note(&mut cx(), "a".to_owned()).await.unwrap();
    let observed = sides.recorder.take_observed();
    assert_eq!((observed.spec().name, observed.answered_by()), ("note", Side::Local));
    assert_eq!(observed.arguments()["params"]["name"], "a");
    assert_eq!(observed.given().value["text"], "here");
    assert_eq!(observed.repeat(Side::Local).await.unwrap().value["text"], "here");
    assert_eq!(observed.repeat(Side::Candidate).await.unwrap().value["text"], "there");
    // Repetitions are not observed and not counted.
    assert_eq!(sides.recorder.attempts().len(), 1);
    assert!(sides.recorder.observed.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_half_full_server_refuses_repetitions_and_serves_users() {
    let sides = Sides::new(serve_notes_with_limit(2).await);
    sides.divide(0, true);
    sides.recorder.wants.store(true, Ordering::SeqCst);
    sides.api.names(&mut cx(), None, 0).await.unwrap();
    let observed = sides.recorder.take_observed();
    assert_eq!(observed.repeat(Side::Candidate).await.unwrap().outcome.as_str(), "ok");
    let client = sides.there.client();
    let held = tokio::spawn({
        let client = Arc::clone(&client);
        async move { client.wait(&mut cx().with_timeout(Duration::from_secs(60)), HELD).await }
    });
    until(|| sides.there.notes.begun.load(Ordering::SeqCst) == 1).await;
    assert_eq!(
        observed.repeat(Side::Candidate).await.unwrap().outcome.as_str(),
        "overloaded"
    );
    assert_eq!(
        client.names(&mut cx(), None, 0).await,
        Ok(Vec::new()),
        "a user's call is served"
    );
    sides.there.notes.released.notify_waiters();
    held.await.unwrap().unwrap();
}

#[tokio::test]
async fn the_encoding_check_names_the_method_whose_values_change_and_executes_nothing() {
    let here = Arc::new(Notes::default());
    let recorder = Arc::new(Recorder::default());
    recorder.wants.store(true, Ordering::SeqCst);
    let switch = Arc::new(Switch::new(Target::Trial(Arc::new(Trial {
        local: Some(Arc::new(Edge::new(Arc::clone(&here) as Arc<dyn NotesApi>))),
        candidate: None,
        mirror: None,
        encoding: Some(encoding_check::<dyn NotesApi>()),
        threshold: 0,
        salt: 7,
        fallback: true,
        observer: Arc::clone(&recorder) as Arc<dyn TrialObserver>,
    }))));
    let api = <dyn NotesApi>::new_proxy(switch);
    let tags = vec![Tag {
        name: "t".to_owned(),
        weight: 0.7,
    }];
    let lossy = Note {
        text: String::new(),
        tags,
    };
    api.write(&mut cx(), "a".to_owned(), lossy).await.unwrap();
    let said = recorder.take_observed().check_encoding().await.unwrap().unwrap_err();
    assert!(said.contains("notes.write") && said.contains("arguments"), "{said}");
    api.note(&mut cx(), "a".to_owned()).await.unwrap();
    let said = recorder.take_observed().check_encoding().await.unwrap().unwrap_err();
    assert!(said.contains("notes.note") && said.contains("outcome"), "{said}");
    api.note(&mut cx(), "unknown/ünï".to_owned()).await.unwrap_err();
    assert_eq!(
        recorder.take_observed().check_encoding().await,
        Some(Ok(())),
        "a domain error survives"
    );
    api.count_after(&mut cx(), 0).await.unwrap();
    assert_eq!(recorder.take_observed().check_encoding().await, Some(Ok(())));
    assert_eq!(here.counted.load(Ordering::SeqCst), 1, "the check executed the method");
}

#[test]
fn a_client_with_a_standby_gives_up_earlier_and_keeps_shorter_limits() {
    let limits = ClientLimits::default().with_standby::<dyn NotesApi>();
    assert_eq!(limits.methods["note"].timeout, Some(Duration::from_millis(500)));
    assert_eq!(limits.methods["write"].timeout, Some(Duration::from_secs(5)));
    let short = ClientLimits {
        timeout: Some(Duration::from_millis(100)),
        ..ClientLimits::default()
    };
    assert_eq!(
        short.with_standby::<dyn NotesApi>().methods["write"].timeout,
        Some(Duration::from_millis(100))
    );
}
