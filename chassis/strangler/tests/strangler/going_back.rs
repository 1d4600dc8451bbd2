//! Steps back: always possible, and automatic when the candidate does harm.

use std::collections::BTreeMap;

use offshoot_strangler::{
    Harm, Migration, Percent, Refusal, RequestKind, SideCounts, State, View, Window, judge_window,
};

use crate::world::{advance, apply, at, back, view};

fn window(number: u64, harm: Harm) -> RequestKind {
    RequestKind::Window(Window { number, harm })
}

fn bad() -> Harm {
    Harm::Bad("9 of 40 calls of reading failed".to_owned())
}

fn at_canary() -> Migration {
    at(State::Canary(Percent::new(5).expect("1 to 99")))
}

#[test]
fn the_way_back_is_open_from_each_state_without_members_or_candidate() {
    let mut migration = at(State::Detached);
    let mut states = Vec::new();
    migration.paused = true;
    while migration.state > State::Local {
        let step = apply(&migration, &View::default(), back()).expect("no gate stands before a step back");
        migration = step.migration;
        states.push(migration.state.to_string());
    }
    assert_eq!(
        states.join(" "),
        "remote canary:50 canary:25 canary:5 canary:1 shadow encoded local"
    );
    assert_eq!(
        apply(&migration, &View::default(), back()),
        Err(Refusal::NoFurther(State::Local))
    );
    let far = RequestKind::Back {
        to: Some(State::Local),
        reason: None,
    };
    let detached = at(State::Detached);
    assert_eq!(
        apply(&detached, &View::default(), far)
            .expect("far back")
            .migration
            .state,
        State::Local
    );
}

#[test]
fn two_bad_windows_in_a_row_halt_and_one_does_not() {
    let canary = at_canary();
    let once = apply(&canary, &view(&canary), window(1, bad())).expect("a window");
    assert_eq!((once.entry, once.migration.generation), (None, canary.generation));
    let good = apply(&once.migration, &view(&canary), window(2, Harm::None))
        .expect("a window")
        .migration;
    let again = apply(&good, &view(&canary), window(3, bad()))
        .expect("a window")
        .migration;
    assert_eq!(again.state, canary.state, "the bad windows were not in a row");
    let halted = apply(&again, &view(&canary), window(4, bad())).expect("a window");
    assert_eq!(halted.migration.state, State::Shadow);
    assert_eq!(
        halted.entry.expect("an entry").reason,
        "9 of 40 calls of reading failed"
    );
    let refused = apply(&halted.migration, &view(&halted.migration), advance());
    assert!(matches!(refused, Err(Refusal::Halted(_))), "{refused:?}");
    let resume = |reason: Option<&str>| RequestKind::Resume {
        reason: reason.map(str::to_owned),
    };
    let refused = apply(&halted.migration, &View::default(), resume(None));
    assert_eq!(refused, Err(Refusal::NeedsReason("resuming a halted migration")));
    let resumed = apply(&halted.migration, &View::default(), resume(Some("build 7 mends it"))).expect("a reason");
    assert!(apply(&resumed.migration, &view(&resumed.migration), advance()).is_ok());
}

#[test]
fn an_emergency_halts_at_once_also_while_paused() {
    let canary = at_canary();
    let paused = apply(&canary, &view(&canary), RequestKind::Pause { reason: None })
        .expect("started")
        .migration;
    let emergency = window(1, Harm::Emergency("6 of 10 calls of reading failed".to_owned()));
    let halted = apply(&paused, &View::default(), emergency).expect("a window").migration;
    assert_eq!(halted.state, State::Shadow);
    assert!(halted.paused && halted.halted.is_some());
}

#[test]
fn a_window_counts_once() {
    let canary = at_canary();
    let once = apply(&canary, &view(&canary), window(1, bad()))
        .expect("a window")
        .migration;
    let twice = apply(&once, &view(&canary), window(1, bad()))
        .expect("a window")
        .migration;
    assert_eq!(twice, once);
}

#[test]
fn harm_is_told_from_chance() {
    let attempts = |calls, failed, slow| {
        let counts = SideCounts {
            calls,
            failed,
            slow,
            p99_us: 0,
        };
        BTreeMap::from([("reading".to_owned(), counts)])
    };
    let judge = |calls, failed, slow| judge_window(&attempts(calls, failed, slow), &BTreeMap::new());
    assert_eq!(judge(1_000, 12, 50), Harm::None);
    assert_eq!(judge(4, 4, 0), Harm::Bad("4 of 4 calls of reading failed".to_owned()));
    assert!(matches!(judge(1_000, 40, 0), Harm::Bad(_)));
    assert!(matches!(judge(1_000, 0, 100), Harm::Bad(_)));
    assert!(matches!(judge(10, 5, 0), Harm::Emergency(_)));
    let failing_at_home = BTreeMap::from([("reading".to_owned(), 0.04)]);
    assert_eq!(judge_window(&attempts(1_000, 40, 0), &failing_at_home), Harm::None);
}
