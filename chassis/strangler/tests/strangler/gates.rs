//! Gates: each closes on its own fault, and names the object.

use offshoot_strangler::{GateKind, Migration, Percent, Refusal, RequestKind, State, Verdict, View, Waiver, gates};

use crate::world::{MANY, READ, WRITE, advance, apply, at, closed, identity, member, now, view};

/// A state, a fault in the view, the gate that closes, and words of its text.
type Fault = (State, fn(&mut View), &'static str, &'static str);

fn read(view: &mut View) -> &mut offshoot_strangler::MethodEvidence {
    view.evidence.methods.get_mut(READ).expect("the view has the method")
}

fn canary(percent: u8) -> State {
    State::Canary(Percent::new(percent).expect("1 to 99"))
}

/// Faults of members and candidate.
fn faults_of_processes() -> Vec<Fault> {
    vec![
        (
            State::Local,
            |view| view.strangers.push("host-9 pid 12".to_owned()),
            "strangers",
            "host-9 pid 12 works",
        ),
        (
            State::Local,
            |view| view.members[0].has_address = false,
            "address",
            "a knows no address",
        ),
        (
            State::Local,
            |view| candidate(view).works = true,
            "candidate",
            "--candidate",
        ),
        (
            State::Shadow,
            |view| candidate(view).works = true,
            "candidate",
            "--candidate",
        ),
        (
            State::Encoded,
            |view| candidate(view).same_data = false,
            "data",
            "restored copy",
        ),
        (
            State::Encoded,
            |view| candidate(view).expected.contract = "c2".to_owned(),
            "identity",
            "contract c1, this store has c2",
        ),
        (
            State::Encoded,
            |view| candidate(view).expected.migration = "0004".to_owned(),
            "identity",
            "newest migration 0003",
        ),
    ]
}

/// Faults in the counts of the stage.
fn faults_of_evidence() -> Vec<Fault> {
    vec![
        (
            State::Encoded,
            |view| read(view).encoding_failed = 1,
            "encoding:reading",
            "did not survive",
        ),
        (
            State::Encoded,
            |view| read(view).encoded = 19,
            "encoding:reading",
            "1 more",
        ),
        (
            State::Shadow,
            |view| read(view).mismatched = 40,
            "mismatch:reading",
            "40 of 20000 is above 0.100 %",
        ),
        (
            State::Shadow,
            |view| read(view).classes = ["height differs".to_owned()].into(),
            "differences",
            "reading: height differs",
        ),
        (
            State::Shadow,
            |view| read(view).fields_never_compared = ["depth".to_owned()].into(),
            "coverage:reading",
            "reading.depth was never compared",
        ),
        (
            State::Shadow,
            |view| read(view).candidate.slow = 2_000,
            "slow",
            "2000 of 40000 is above 2.000 %",
        ),
        (
            canary(5),
            |view| read(view).candidate.failed = 900,
            "errors",
            "900 of 40000",
        ),
        (
            canary(50),
            |view| write(view).candidate.calls = 0,
            "writes:create",
            "1 more",
        ),
        (
            canary(50),
            |view| view.evidence.events_set_aside = 400,
            "work",
            "400 of 20000",
        ),
        (
            State::Remote,
            |view| read(view).fallbacks = 3,
            "fallback",
            "stood in for 3 calls",
        ),
        (
            State::Remote,
            |view| view.members[1].has_implementation = true,
            "features",
            "b has the implementation",
        ),
    ]
}

fn write(view: &mut View) -> &mut offshoot_strangler::MethodEvidence {
    view.evidence.methods.get_mut(WRITE).expect("the view has the method")
}

fn candidate(view: &mut View) -> &mut offshoot_strangler::Candidate {
    view.candidate.as_mut().expect("the view has a candidate")
}

fn view_of(migration: &Migration) -> View {
    let mut view = view(migration);
    if migration.state == State::Remote {
        view.members
            .iter_mut()
            .for_each(|member| member.has_implementation = false);
    }
    view
}

#[test]
fn each_fault_closes_its_own_gate_and_is_named() {
    for (state, fault, gate, words) in faults_of_processes().into_iter().chain(faults_of_evidence()) {
        let migration = at(state);
        let mut view = view_of(&migration);
        fault(&mut view);
        let refusal = apply(&migration, &view, advance()).expect_err(gate);
        let text = refusal.to_string();
        assert!(text.contains(words), "{gate} at {state}: {text}");
        assert!(closed(refusal).contains(gate), "{gate} at {state}: {text}");
    }
}

#[test]
fn a_candidate_that_does_not_answer_closes_three_gates() {
    let migration = at(State::Shadow);
    let mut view = view(&migration);
    view.candidate = None;
    let closed = closed(apply(&migration, &view, advance()).expect_err("no candidate"));
    for gate in ["candidate", "identity", "data"] {
        assert!(closed.contains(gate), "{closed:?}");
    }
}

#[test]
fn evidence_of_another_stage_or_build_does_not_count() {
    let migration = at(State::Shadow);
    let mut old = view(&migration);
    old.evidence.entered -= 1;
    let mut other = view(&migration);
    other.evidence.build = "b0".to_owned();
    let mut replaced = view(&migration);
    replaced.candidate.as_mut().expect("a candidate").identity = Some(identity("b2"));
    for view in [old, other, replaced] {
        let closed = closed(apply(&migration, &view, advance()).expect_err("no evidence"));
        assert!(closed.contains("mismatch-all") && closed.contains("slow"), "{closed:?}");
    }
}

#[test]
fn without_data_no_gate_is_green() {
    let migration = at(canary(50));
    let mut view = view(&migration);
    view.evidence = offshoot_strangler::Evidence::default();
    for gate in gates(&migration, &view, State::Remote, now()) {
        let is_fact = !gate.id.kind.can_be_waived() || gate.id.kind == GateKind::Differences;
        assert!(is_fact || matches!(gate.verdict, Verdict::Held { .. }), "{gate}");
    }
}

/// Between two looks the result of the last look stands, so that nobody waits for a good moment.
#[test]
fn a_gate_looks_at_doubled_samples_only() {
    let mut migration = at(State::Shadow);
    let mut view = view(&migration);
    let compared = |view: &mut View, n: u64, bad: u64| {
        read(view).compared = n;
        read(view).mismatched = bad;
    };
    // The first look is clean, but for one in 3,700.
    compared(&mut view, 3_700, 1);
    let window = |number| {
        RequestKind::Window(offshoot_strangler::Window {
            number,
            harm: offshoot_strangler::Harm::None,
        })
    };
    migration = apply(&migration, &view, window(1)).expect("a window").migration;
    compared(&mut view, 7_000, 1);
    let gate = |migration: &Migration, view: &View| {
        let next = migration.state.next(&migration.settings.steps).expect("not the last");
        let gates = gates(migration, view, next, now());
        gates
            .into_iter()
            .find(|gate| gate.id.to_string() == "mismatch:reading")
            .expect("the gate")
    };
    let between = gate(&migration, &view);
    assert!(
        matches!(between.verdict, Verdict::Held { missing: 376, .. }),
        "{between}"
    );
    compared(&mut view, 7_376, 1);
    assert!(gate(&migration, &view).verdict.passes(), "{}", gate(&migration, &view));
}

#[test]
fn low_traffic_is_accepted_by_name_only() {
    let migration = at(State::Shadow);
    let mut view = view(&migration);
    read(&mut view).compared = 412;
    let refusal = apply(&migration, &view, advance()).expect_err("412 comparisons prove little");
    assert_eq!(
        closed(refusal),
        ["mismatch-all".to_owned(), "mismatch:reading".to_owned()].into()
    );
    let waive = |gate: &str, limit: Option<f64>| RequestKind::Waive {
        gate: gate.to_owned(),
        waiver: Waiver {
            limit,
            reason: "few calls at night".to_owned(),
            operator: "kim".to_owned(),
        },
    };
    let waived = apply(&migration, &view, waive("mismatch:reading", Some(0.01)))
        .expect("a rate")
        .migration;
    view.members = vec![member("a", waived.generation), member("b", waived.generation)];
    let waived = apply(&waived, &view, waive("mismatch-all", None))
        .expect("a rate")
        .migration;
    view.members = vec![member("a", waived.generation), member("b", waived.generation)];
    let step = apply(&waived, &view, advance()).expect("both gates were accepted");
    let evidence = step.entry.expect("an entry").evidence.join("\n");
    assert!(
        evidence.contains("mismatch-all: accepted, few calls at night by kim"),
        "{evidence}"
    );
    assert!(
        evidence.contains("mismatch:reading: green (412 observed: below 0.891 % with 97.5 % confidence"),
        "{evidence}"
    );
    assert!(step.migration.waivers.is_empty(), "the next stage has gates of its own");
}

#[test]
fn gates_that_keep_data_safe_are_never_accepted() {
    let migration = at(State::Encoded);
    let view = view(&migration);
    for gate in ["members", "identity", "data", "candidate", "address", "no-such-gate"] {
        let waiver = Waiver {
            limit: None,
            reason: "in a hurry".to_owned(),
            operator: "kim".to_owned(),
        };
        let kind = RequestKind::Waive {
            gate: gate.to_owned(),
            waiver,
        };
        let refused = apply(&migration, &view, kind);
        assert!(matches!(refused, Err(Refusal::NotWaivable(..))), "{gate}: {refused:?}");
    }
}

/// The local failures of the stage count if there are enough of them, else those from before the canary.
#[test]
fn failures_are_compared_with_the_local_ones() {
    let migration = at(canary(5));
    let mut view = view(&migration);
    for method in view.evidence.methods.values_mut() {
        method.local.failed = MANY / 20;
        method.candidate.failed = MANY / 20;
    }
    assert!(apply(&migration, &view, advance()).is_ok(), "both sides fail alike");
    for method in view.evidence.methods.values_mut() {
        method.local.calls = 0;
        method.local.failed = 0;
    }
    let closed = closed(apply(&migration, &view, advance()).expect_err("the baseline did not fail"));
    assert_eq!(closed, ["errors".to_owned()].into());
}
