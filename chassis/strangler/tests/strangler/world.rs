//! A module with one read and one write, two members and a candidate.

use std::collections::BTreeSet;

use offshoot_contract::Timestamp;
use offshoot_strangler::{
    Candidate, CandidateIdentity, Evidence, Member, MethodEvidence, MethodKind, Migration, Observation, Percent,
    Refusal, Request, RequestKind, Settings, SideCounts, State, Step, View, step,
};

pub(crate) const READ: &str = "reading";
pub(crate) const WRITE: &str = "create";
/// Calls per method that make each gate green at once.
pub(crate) const MANY: u64 = 20_000;

pub(crate) fn now() -> Timestamp {
    "2026-01-05T10:00:00Z".parse().expect("a valid time")
}

pub(crate) fn identity(build: &str) -> CandidateIdentity {
    CandidateIdentity {
        build: build.to_owned(),
        contract: "c1".to_owned(),
        migration: "0003".to_owned(),
    }
}

pub(crate) fn member(name: &str, acknowledged: u64) -> Member {
    Member {
        name: name.to_owned(),
        acknowledged,
        has_address: true,
        has_implementation: true,
        runs: true,
    }
}

/// An observation of a candidate without a fault, which does no work yet.
pub(crate) fn observation() -> Observation {
    Observation {
        candidate: Some(Candidate {
            identity: Some(identity("b1")),
            expected: identity("ours"),
            same_data: true,
            works: false,
            is_declared: true,
            fault: None,
        }),
        strangers: Vec::new(),
        methods: [(READ, true), (WRITE, false)]
            .map(|(name, safe)| MethodKind {
                name: name.to_owned(),
                safe,
            })
            .to_vec(),
        listens: true,
    }
}

/// A view in which nothing stands in the way, with clean evidence of the current stage.
pub(crate) fn view(migration: &Migration) -> View {
    let Observation {
        candidate,
        strangers,
        methods,
        listens,
    } = observation();
    let works = migration.state >= State::Canary(Percent::new(50).expect("50 is within 1 to 99"));
    View {
        members: vec![member("a", migration.generation), member("b", migration.generation)],
        strangers,
        candidate: candidate.map(|candidate| Candidate { works, ..candidate }),
        methods,
        listens,
        evidence: clean(migration.entered, "b1"),
    }
}

/// Clean evidence of one stage and one build.
pub(crate) fn clean(entered: u64, build: &str) -> Evidence {
    let side = SideCounts {
        calls: MANY,
        failed: 0,
        slow: 0,
        p99_us: 900,
    };
    let method = MethodEvidence {
        encoded: MANY,
        compared: MANY,
        local: side,
        candidate: side,
        ..MethodEvidence::default()
    };
    let read = method.clone();
    let write = MethodEvidence { compared: 0, ..method };
    Evidence {
        entered,
        build: build.to_owned(),
        methods: [(READ.to_owned(), read), (WRITE.to_owned(), write)].into(),
        events_handled: MANY,
        events_set_aside: 0,
    }
}

pub(crate) fn request(migration: &Migration, kind: RequestKind) -> Request {
    Request {
        operator: "kim".to_owned(),
        generation: Some(migration.generation),
        kind,
    }
}

pub(crate) fn apply(migration: &Migration, view: &View, kind: RequestKind) -> Result<Step, Refusal> {
    step(migration, view, &request(migration, kind), now())
}

pub(crate) fn advance() -> RequestKind {
    RequestKind::Advance { to: None, reason: None }
}

pub(crate) fn back() -> RequestKind {
    RequestKind::Back { to: None, reason: None }
}

/// A started migration, moved to `state` by green gates.
pub(crate) fn at(state: State) -> Migration {
    let mut migration = Migration::new(7, now());
    let started = apply(&migration, &view(&migration), RequestKind::Start(Settings::default()));
    migration = started.expect("nothing was started").migration;
    while migration.state < state {
        let mut view = view(&migration);
        if migration.state == State::Remote {
            for member in &mut view.members {
                member.has_implementation = false;
            }
        }
        migration = apply(&migration, &view, advance())
            .expect("all gates are green")
            .migration;
    }
    assert_eq!(migration.state, state);
    migration
}

/// Names of the gates that refused a step.
pub(crate) fn closed(refusal: Refusal) -> BTreeSet<String> {
    let Refusal::Gates(gates) = refusal else {
        panic!("not refused by gates: {refusal}");
    };
    let closed = gates.iter().filter(|gate| !gate.verdict.passes());
    closed.map(|gate| gate.id.to_string()).collect()
}
