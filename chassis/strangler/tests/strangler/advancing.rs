//! Steps forward.

use offshoot_strangler::{Candidate, Migration, Percent, Refusal, RequestKind, Settings, State};

use crate::world::{advance, apply, at, closed, now, view};

fn to(state: State, reason: Option<&str>) -> RequestKind {
    RequestKind::Advance {
        to: Some(state),
        reason: reason.map(str::to_owned),
    }
}

/// A fault of the candidate, the gate that closes, and words of its text.
type Fault = (fn(&mut Candidate), &'static str, &'static str);

fn canary(percent: u8) -> State {
    State::Canary(Percent::new(percent).expect("1 to 99"))
}

#[test]
fn the_way_out_has_one_entry_for_each_generation() {
    let mut migration = Migration::new(7, now());
    let mut states = Vec::new();
    let mut kind = RequestKind::Start(Settings::default());
    loop {
        let mut view = view(&migration);
        if migration.state == State::Remote {
            view.members
                .iter_mut()
                .for_each(|member| member.has_implementation = false);
        }
        let step = match apply(&migration, &view, kind) {
            Ok(step) => step,
            Err(refusal) => {
                assert_eq!(refusal, Refusal::NoFurther(State::Detached));
                break;
            }
        };
        let entry = step.entry.expect("each step has an entry");
        assert_eq!(entry.generation, migration.generation + 1);
        assert_eq!(
            (entry.generation, entry.to),
            (step.migration.generation, step.migration.state)
        );
        assert_eq!(entry.from, migration.state);
        states.push(step.migration.state.to_string());
        migration = step.migration;
        kind = advance();
    }
    let expected = "local encoded shadow canary:1 canary:5 canary:25 canary:50 remote detached";
    assert_eq!(states.join(" "), expected);
}

#[test]
fn nothing_moves_before_the_start_and_nothing_starts_twice() {
    let fresh = Migration::new(7, now());
    assert_eq!(apply(&fresh, &view(&fresh), advance()), Err(Refusal::NotStarted));
    let started = at(State::Shadow);
    let again = apply(&started, &view(&started), RequestKind::Start(Settings::default()));
    assert_eq!(again, Err(Refusal::AlreadyStarted(State::Shadow)));
}

#[test]
fn a_start_refuses_a_candidate_that_works_or_is_another_one() {
    let fresh = Migration::new(7, now());
    let faults: [Fault; 4] = [
        (|candidate| candidate.works = true, "candidate", "does background work"),
        (|candidate| candidate.same_data = false, "data", "works on other data"),
        (
            |candidate| candidate.expected.contract = "c2".to_owned(),
            "identity",
            "the contract c1, this store has c2",
        ),
        (
            |candidate| candidate.expected.migration = "0004".to_owned(),
            "identity",
            "the newest migration 0003, this store has 0004",
        ),
    ];
    for (fault, gate, words) in faults {
        let mut view = view(&fresh);
        fault(view.candidate.as_mut().expect("the view has a candidate"));
        let start = RequestKind::Start(Settings::default());
        let refusal = apply(&fresh, &view, start).expect_err("the candidate is a bad one");
        assert!(refusal.to_string().contains(words), "{refusal}");
        assert_eq!(closed(refusal), [gate.to_owned()].into());
    }
    let mut nobody = view(&fresh);
    nobody.candidate = None;
    assert!(apply(&fresh, &nobody, RequestKind::Start(Settings::default())).is_err());
}

#[test]
fn a_step_needs_the_generation_that_the_operator_saw() {
    let before = at(State::Encoded);
    let after = at(State::Shadow);
    let mut request = crate::world::request(&before, advance());
    let stale = offshoot_strangler::step(&after, &view(&after), &request, now());
    assert_eq!(
        stale,
        Err(Refusal::Stale {
            seen: before.generation,
            current: after.generation
        })
    );
    request.generation = None;
    let blind = offshoot_strangler::step(&after, &view(&after), &request, now());
    assert_eq!(blind, Err(Refusal::NoGeneration));
}

#[test]
fn states_are_not_skipped_but_canary_shares_are_with_a_reason() {
    let shadow = at(State::Shadow);
    let view = view(&shadow);
    let refused = apply(&shadow, &view, to(State::Remote, Some("in a hurry")));
    assert!(matches!(refused, Err(Refusal::NotNext { .. })), "{refused:?}");
    let refused = apply(&shadow, &view, to(canary(25), None));
    assert_eq!(refused, Err(Refusal::NeedsReason("skipping a canary step")));
    let skipped = apply(&shadow, &view, to(canary(25), Some("few calls at night"))).expect("a reason is given");
    assert_eq!(skipped.migration.state, canary(25));
    assert_eq!(skipped.entry.expect("an entry").reason, "few calls at night");
    let smaller = at(canary(5));
    let smaller = apply(&smaller, &crate::world::view(&smaller), to(canary(10), None)).expect("a smaller step");
    assert_eq!(smaller.migration.state, canary(10));
}

#[test]
fn no_step_forward_while_paused() {
    let shadow = at(State::Shadow);
    let paused = apply(&shadow, &view(&shadow), RequestKind::Pause { reason: None })
        .expect("started")
        .migration;
    assert_eq!(apply(&paused, &view(&paused), advance()), Err(Refusal::Paused));
    let resumed = apply(&paused, &view(&paused), RequestKind::Resume { reason: None })
        .expect("paused")
        .migration;
    assert!(apply(&resumed, &view(&resumed), advance()).is_ok());
}

#[test]
fn each_live_member_must_run_the_current_plan() {
    let migration = at(State::Shadow);
    let mut view = view(&migration);
    view.members[1].acknowledged -= 1;
    let refusal = apply(&migration, &view, advance()).expect_err("one member is late");
    let text = refusal.to_string();
    assert!(
        text.contains("members: red, b runs the plan of generation 2, not 3"),
        "{text}"
    );
    assert_eq!(closed(refusal), ["members".to_owned()].into());
    view.members.clear();
    assert!(apply(&migration, &view, advance()).is_err(), "nobody would follow");
}

#[test]
fn an_end_is_possible_only_at_home() {
    let shadow = at(State::Shadow);
    assert_eq!(
        apply(&shadow, &view(&shadow), RequestKind::End),
        Err(Refusal::NotLocal(State::Shadow))
    );
    let local = at(State::Local);
    let ended = apply(&local, &view(&local), RequestKind::End)
        .expect("at home")
        .migration;
    assert!(!ended.started);
    let again = apply(&ended, &view(&ended), RequestKind::Start(Settings::default()))
        .expect("ended")
        .migration;
    assert!(again.started && again.generation == ended.generation + 1, "{again:?}");
}
