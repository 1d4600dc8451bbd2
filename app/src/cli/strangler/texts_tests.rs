//! Exact texts that an operator reads at night: each names the object, the cause and the next command.

use std::collections::BTreeMap;

use offshoot_contract::{CallFailure, FailureKind, Timestamp};
use offshoot_strangler::{
    CandidateIdentity, CandidateStatus, Gate, GateId, GateKind, GateStatus, MemberStatus, MethodEvidence, Percent,
    Refusal, Settings, SideCounts, State, Status, StranglerError, Verdict, VerdictKind, Work,
};

use super::{next_commands, refusal, status_text};
use crate::serve::strangler::to_problem;

pub(super) fn now() -> Timestamp {
    "2026-11-26T22:00:00Z".parse().expect("valid")
}

fn canary(percent: u8) -> State {
    State::Canary(Percent::new(percent).expect("a share"))
}

/// A migration of the catalog at a canary of 25 %, with a candidate and two processes.
pub(super) fn status() -> Status {
    let member = |name: &str| MemberStatus {
        name: name.to_owned(),
        acknowledged: 7,
        has_address: true,
        has_implementation: true,
    };
    Status {
        module: "catalog".to_owned(),
        at: now(),
        generation: 7,
        state: canary(25),
        entered_at: Some("2026-11-26T21:30:00Z".parse().expect("valid")),
        started: true,
        paused: false,
        halted: None,
        next: Some(canary(50)),
        previous: Some(canary(5)),
        can_go_forward: false,
        can_go_back: true,
        gates: Vec::new(),
        members: vec![member("web-1 42"), member("web-2 43")],
        candidate: Some(CandidateStatus {
            identity: Some(CandidateIdentity {
                build: "3f2a90b1c4d5e6f7".to_owned(),
                contract: "1.2".to_owned(),
                migration: "catalog 0003".to_owned(),
            }),
            same_data: true,
            works: false,
        }),
        work: Work::Home,
        share_of_keys: 0.25,
        share_of_calls: Some(0.312),
        methods: BTreeMap::new(),
        settings: Settings::default(),
        waivers: BTreeMap::new(),
        last: None,
        warnings: Vec::new(),
    }
}

pub(super) fn gate(name: &str, verdict: VerdictKind) -> GateStatus {
    let never = [
        "members",
        "address",
        "strangers",
        "candidate",
        "identity",
        "data",
        "features",
    ];
    GateStatus {
        name: name.to_owned(),
        verdict,
        detail: String::new(),
        value: None,
        limit: None,
        sample: 0,
        confidence: None,
        missing: None,
        seconds: None,
        can_be_waived: !never.contains(&name),
    }
}

pub(super) fn held(name: &str, limit: f64, missing: u64) -> GateStatus {
    GateStatus {
        limit: Some(limit),
        missing: Some(missing),
        ..gate(name, VerdictKind::Held)
    }
}

fn refused(refusal: Refusal) -> String {
    let problem = to_problem(&StranglerError::Refused(refusal));
    refusal::text("catalog", &problem, now())
}

fn red(kind: GateKind, found: &str) -> Gate {
    Gate {
        id: GateId {
            kind,
            subject: String::new(),
        },
        verdict: Verdict::Red(found.to_owned()),
        value: None,
        limit: None,
        sample: 0,
        confidence: None,
    }
}

#[test]
fn a_status_says_who_waits_what_was_measured_and_what_is_next() {
    let counts = MethodEvidence {
        compared: 412,
        local: SideCounts {
            calls: 12_345,
            failed: 0,
            slow: 0,
            p99_us: 400,
        },
        candidate: SideCounts {
            calls: 3_456,
            failed: 2,
            slow: 5,
            p99_us: 1_250,
        },
        ..MethodEvidence::default()
    };
    let mut status = Status {
        gates: vec![
            gate("members", VerdictKind::Green),
            GateStatus {
                value: Some(0.0089),
                sample: 412,
                confidence: Some(0.975),
                seconds: Some(58_800),
                ..held("mismatch:browse", 0.001, 3_275)
            },
            GateStatus {
                detail: "rounding by nora".to_owned(),
                ..gate("coverage:browse", VerdictKind::Accepted)
            },
        ],
        methods: BTreeMap::from([("browse".to_owned(), counts)]),
        ..status()
    };
    status.members[1].acknowledged = 6;
    let expected = "\
catalog: canary:25, generation 7, since 2026-11-26T21:30:00Z
  the candidate executes the calls of 25 % of the keys, each process the others; answers are compared
  waits: for web-2 43, which runs the plan of generation 6, not 7
  candidate: build 3f2a90b1c4d5, on the data of this store, does no background work
  background work: these processes
  at the candidate: 25 % of the keys, 31.2 % of the calls

                           here  failed      p99    candidate  failed      p99    compared  differ stood in
  browse                 12,345       0  0.40 ms        3,456       2   1.2 ms         412       0        0

  gates to canary:50: 2 of 3 pass
  held      mismatch:browse        412 observed: below 0.89 % with 97.5 % confidence, limit 0.1 %; 3,275 more: at 14:20 UTC tomorrow at this rate
  accepted  coverage:browse        rounding by nora
  green     members

  forward: wait: `offshoot strangler status catalog --watch`; or accept a larger rate: `offshoot strangler advance catalog --accept 1% --reason TEXT`
  back:    `offshoot strangler rollback catalog` to canary:5";
    assert_eq!(status_text::status(&status), expected);
}

#[test]
fn a_halted_migration_names_the_harm_and_what_ends_the_halt() {
    let status = Status {
        state: State::Shadow,
        halted: Some("12 of 20 calls of product failed".to_owned()),
        previous: Some(State::Encoded),
        share_of_keys: 0.0,
        share_of_calls: None,
        candidate: None,
        next: None,
        ..status()
    };
    let expected = "\
catalog: shadow, generation 7, since 2026-11-26T21:30:00Z
  each process executes its own calls; a sample of the reads is repeated at the candidate, and the answers are compared
  HALTED, because 12 of 20 calls of product failed
  candidate: no address of a candidate answers; `offshoot strangler plan catalog` prints the command that starts one
  background work: these processes
  at the candidate: 0 % of the keys; no call so far

  forward: mend the candidate, then `offshoot strangler resume catalog --reason TEXT`
  back:    `offshoot strangler rollback catalog` to encoded";
    assert_eq!(status_text::status(&status), expected);
}

#[test]
fn a_module_without_a_migration_and_a_silent_control_database_are_named() {
    let status = Status {
        generation: 0,
        state: State::Local,
        entered_at: None,
        started: false,
        warnings: vec!["the control database does not answer since 21:58: calls go on by generation 7".to_owned()],
        ..status()
    };
    let expected = "\
catalog: no migration
  no migration: calls run where the settings and `offshoot placement set` place them
  warning: the control database does not answer since 21:58: calls go on by generation 7

  forward: `offshoot strangler start catalog`
  back:    nothing: no migration was started";
    assert_eq!(status_text::status(&status), expected);
    let paused = Status {
        paused: true,
        ..super::texts_tests::status()
    };
    assert_eq!(
        status_text::overview(&[status, paused]),
        "catalog       no migration         `offshoot strangler start catalog`\n\
         catalog       canary:25    paused  `offshoot strangler resume catalog`"
    );
}

#[test]
fn a_refusal_names_the_module_the_cause_and_the_next_command() {
    for (refusal, text) in [
        (
            Refusal::Stale { seen: 6, current: 7 },
            "catalog: the record is at generation 7, not 6: look at the status again, then repeat the command\n\
             Next: `offshoot strangler status catalog`, then repeat the command if it is still right",
        ),
        (
            Refusal::NotStarted,
            "catalog: no migration was started: begin with the verb start\nNext: `offshoot strangler start catalog`",
        ),
        (
            Refusal::AlreadyStarted(State::Remote),
            "catalog: a migration is at remote already: roll it back and end it before another one starts\n\
             Next: `offshoot strangler status catalog`, or `offshoot strangler rollback catalog --to local` first",
        ),
        (
            Refusal::Paused,
            "catalog: the migration is paused: resume it first\nNext: `offshoot strangler resume catalog`",
        ),
        (
            Refusal::Halted("5 of 9 calls of product failed".to_owned()),
            "catalog: the migration was halted because 5 of 9 calls of product failed: mend the candidate, then resume with a \
             reason\nNext: mend the candidate, then `offshoot strangler resume catalog --reason TEXT`",
        ),
        (
            Refusal::NeedsReason("skipping a canary step"),
            "catalog: skipping a canary step needs a reason\nNext: the same command with --reason TEXT",
        ),
        (
            Refusal::NotLocal(State::Shadow),
            "catalog: the module is at shadow: roll back to local before the migration ends\n\
             Next: `offshoot strangler rollback catalog --to local`",
        ),
        (
            Refusal::NotWaivable("data".to_owned(), "the gate keeps data safe"),
            "catalog: data cannot be accepted: the gate keeps data safe\n\
             Next: `offshoot strangler status catalog` prints the gates",
        ),
        (
            Refusal::NoFurther(State::Detached),
            "catalog: detached is the last state in this direction\nNext: `offshoot strangler status catalog`",
        ),
    ] {
        assert_eq!(refused(refusal), text);
    }
}

#[test]
fn a_silent_control_database_leads_to_the_doctor() {
    let silent = StranglerError::Control(CallFailure::not_executed(
        FailureKind::Unavailable,
        "no address accepts a connection",
    ));
    let text = refusal::text("catalog", &to_problem(&silent), now());
    assert!(
        text.starts_with("catalog: the control database does not answer: ")
            && text.ends_with("calls go on as before\nNext: `offshoot doctor`"),
        "{text}"
    );
}

#[test]
fn closed_gates_are_listed_with_the_command_for_the_first_red_one() {
    let green = Gate {
        verdict: Verdict::Green,
        ..red(GateKind::Address, "")
    };
    let held = Gate {
        verdict: Verdict::Held {
            missing: 3_275,
            seconds: Some(45),
        },
        limit: Some(0.001),
        sample: 412,
        ..red(GateKind::MismatchAll, "")
    };
    let other =
        "the candidate has no heartbeat in this module's database: it works on other data, such as a restored copy";
    assert_eq!(
        refused(Refusal::Gates(vec![
            green.clone(),
            held.clone(),
            red(GateKind::Data, other)
        ])),
        "catalog stays where it is: 2 of 3 gates do not pass\n  \
         red       data                   the candidate has no heartbeat in this module's database: it works on other data, such \
         as a restored copy\n  \
         held      mismatch-all           412 observed, limit 0.1 %; 3,275 more: in 45 s at this rate\n\
         Next: start the candidate on the data of this store: `offshoot strangler plan catalog` prints the command"
    );
    assert_eq!(
        refused(Refusal::Gates(vec![green, held])),
        "catalog stays where it is: 1 of 2 gates do not pass\n  \
         held      mismatch-all           412 observed, limit 0.1 %; 3,275 more: in 45 s at this rate\n\
         Next: wait: `offshoot strangler status catalog --watch`; or accept a larger rate: `offshoot strangler advance catalog \
         --accept 1% --reason TEXT`"
    );
}

#[test]
fn each_red_gate_has_a_way_on() {
    for (name, text) in [
        ("members", "wait a few seconds for the process, or stop it if it hangs"),
        ("address", "restart the process with --urls catalog=http://HOST:PORT"),
        ("strangers", "stop the process, or start it anew with --candidate"),
        (
            "candidate",
            "start a candidate: `offshoot strangler plan catalog` prints the command",
        ),
        ("identity", "start the candidate with the binary of this store"),
        (
            "mismatch:browse",
            "correct the candidate: `offshoot strangler diffs catalog` prints the fields",
        ),
        (
            "writes:put",
            "wait for a call of the method; if that is meant: `offshoot strangler waive catalog writes:put --reason TEXT`",
        ),
        (
            "work",
            "run `offshoot events dead-letters`, which prints why the events were set aside",
        ),
        (
            "features",
            "start the processes from a build without the feature catalog",
        ),
    ] {
        assert_eq!(next_commands::remedy("catalog", &gate(name, VerdictKind::Red)), text);
    }
}
