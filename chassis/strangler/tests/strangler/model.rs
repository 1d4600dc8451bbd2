//! An exhaustive search of a small world that drives the production `step` and `plan`.
//!
//! Two members poll the record, crash and join again; two coordinators read, and decide at any later time;
//! the candidate changes its build, and works although it may not; evidence and windows come in any order. From each
//! state of a migration the search visits every world within a number of steps, and checks each.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

use offshoot_strangler::{
    Harm, MemberAbilities, Migration, Mode, Percent, Request, RequestKind, Settings, State, View, Window, Work, plan,
    step,
};

use crate::world::{at, clean, identity, member, now, view};

/// Steps of each search. Six hold a step forward by one coordinator between the reading and the deciding of the other,
/// a crash, and a plan that a member takes up.
const DEPTH: usize = 6;
const BUILDS: [&str; 2] = ["b1", "b2"];

#[derive(Debug, Clone, PartialEq)]
struct World {
    record: Migration,
    /// The plan that each member runs, by generation. `None`: not alive.
    members: [Option<u64>; 2],
    /// The last reading of each coordinator: the record, and the number of the last window.
    read: [Option<(Migration, u64)>; 2],
    /// The build of the candidate, as an index; whether the candidate works although it may not.
    build: usize,
    works: bool,
    /// Evidence: the stage and the build that it was collected for.
    evidence: Option<(u64, usize)>,
    /// States of the history, the oldest first.
    history: Vec<State>,
    /// Number of the last window, and bad windows in a row since the state was entered.
    last_window: u64,
    bad_windows: u8,
}

#[derive(Debug, Clone, Copy)]
enum Action {
    Poll(usize),
    Crash(usize),
    Join(usize),
    Collect,
    ReplaceCandidate,
    Misbehave,
    Read(usize),
    Decide(usize, Decision),
}

#[derive(Debug, Clone, Copy)]
enum Decision {
    Start,
    Advance,
    Back,
    Pause,
    Resume,
    BadWindow,
}

const DECISIONS: [Decision; 6] = [
    Decision::Start,
    Decision::Advance,
    Decision::Back,
    Decision::Pause,
    Decision::Resume,
    Decision::BadWindow,
];

fn actions() -> Vec<Action> {
    let mut actions = vec![Action::Collect, Action::ReplaceCandidate, Action::Misbehave];
    for who in 0..2 {
        actions.extend([
            Action::Poll(who),
            Action::Crash(who),
            Action::Join(who),
            Action::Read(who),
        ]);
        actions.extend(DECISIONS.map(|decision| Action::Decide(who, decision)));
    }
    actions
}

/// The shortest way with a canary: one step.
fn settings() -> Settings {
    Settings {
        steps: vec![Percent::new(50).expect("1 to 99")],
        ..Settings::default()
    }
}

/// A world in which everybody follows a migration that is at `state`.
fn world_at(record: Migration) -> World {
    World {
        members: [Some(record.generation); 2],
        read: [None, None],
        build: 0,
        works: false,
        evidence: None,
        history: vec![record.state; usize::try_from(record.generation).expect("a small generation")],
        record,
        last_window: 0,
        bad_windows: 0,
    }
}

/// The view of a transaction.
fn look(world: &World) -> View {
    let names = ["a", "b"];
    let alive = world.members.iter().zip(names);
    let evidence = world.evidence.map(|(entered, build)| clean(entered, BUILDS[build]));
    let mut view = view(&world.record);
    view.members = alive
        .filter_map(|(generation, name)| Some(member(name, (*generation)?)))
        .collect();
    let candidate = view.candidate.as_mut().expect("the view has a candidate");
    candidate.identity = Some(identity(BUILDS[world.build]));
    candidate.works = world.works;
    view.evidence = evidence.unwrap_or_default();
    view
}

/// The world after an action. `None` if nothing changes.
fn act(world: &World, action: Action) -> Option<World> {
    let mut next = world.clone();
    match action {
        Action::Poll(who) => *next.members[who].as_mut()? = world.record.generation,
        Action::Crash(who) => next.members[who] = None,
        Action::Join(who) if world.members[who].is_none() => next.members[who] = Some(0),
        Action::Join(_) => return None,
        Action::Collect => next.evidence = Some((world.record.entered, world.build)),
        Action::ReplaceCandidate => next.build = 1 - world.build,
        Action::Misbehave => next.works = true,
        Action::Read(who) => next.read[who] = Some((world.record.clone(), world.last_window)),
        Action::Decide(who, decision) => decide(&mut next, who, decision)?,
    }
    (next != *world).then_some(next)
}

/// A coordinator decides by the record that it has read, and writes only over that generation.
fn decide(world: &mut World, who: usize, decision: Decision) -> Option<()> {
    let (seen, last_window) = world.read[who].take()?;
    let reason = Some("a reason".to_owned());
    let kind = match decision {
        Decision::Start => RequestKind::Start(settings()),
        Decision::Advance => RequestKind::Advance { to: None, reason },
        Decision::Back => RequestKind::Back { to: None, reason },
        Decision::Pause => RequestKind::Pause { reason },
        Decision::Resume => RequestKind::Resume { reason },
        Decision::BadWindow => RequestKind::Window(Window {
            number: last_window + 1,
            harm: Harm::Bad("2 of 2 calls failed".to_owned()),
        }),
    };
    let request = Request {
        operator: format!("coordinator {who}"),
        generation: Some(seen.generation),
        kind,
    };
    let view = look(world);
    let outcome = step(&world.record, &view, &request, now()).ok()?;
    if let Some(entry) = &outcome.entry {
        assert_eq!(
            seen.generation, world.record.generation,
            "a request is one step, however often it is sent"
        );
        check_entry(world, &outcome.migration, entry, decision);
        world.history.push(entry.to);
    }
    // A window that both coordinators judged counts once.
    if matches!(decision, Decision::BadWindow) && last_window == world.last_window {
        world.last_window += 1;
        world.bad_windows += 1;
    }
    if outcome.migration.entered != world.record.entered {
        world.bad_windows = 0;
    }
    world.record = outcome.migration;
    Some(())
}

/// Checks an accepted change.
fn check_entry(world: &World, after: &Migration, entry: &offshoot_strangler::Entry, decision: Decision) {
    let before = &world.record;
    assert_eq!(entry.generation, before.generation + 1, "one entry a generation");
    assert_eq!((entry.from, entry.to), (before.state, after.state));
    if after.state <= before.state {
        return;
    }
    assert!(
        matches!(decision, Decision::Advance),
        "only a step forward leads forward: {decision:?}"
    );
    assert!(
        !before.paused && before.halted.is_none(),
        "no step forward while paused or halted"
    );
    for generation in world.members.iter().flatten() {
        assert_eq!(
            *generation, before.generation,
            "forward only over an acknowledged generation"
        );
    }
    assert!(
        !world.works || before.state.serves_users(),
        "no step forward beside a candidate that works too early"
    );
    if before.state > State::Local {
        let current = Some((before.entered, world.build));
        assert_eq!(world.evidence, current, "no evidence of another stage or build");
    }
}

/// Checks a world.
fn check(world: &World) {
    let record = &world.record;
    assert_eq!(world.history.len() as u64, record.generation, "one entry a generation");
    let told = world.history.last().copied().unwrap_or(State::Local);
    assert_eq!(told, record.state, "the record agrees with the history");
    let is_harmful = world.bad_windows >= 2;
    assert!(
        !is_harmful || !record.state.serves_users(),
        "twice bad means Shadow, also while paused"
    );
    for (has_implementation, has_address) in [(true, true), (true, false), (false, true)] {
        let plan = plan(
            record,
            MemberAbilities {
                has_implementation,
                has_address,
            },
        );
        assert!(
            has_implementation || plan.mode == Mode::Remote,
            "no plan that a member cannot run"
        );
        assert!(
            has_address || matches!(plan.mode, Mode::Local | Mode::Encoded),
            "no plan that a member cannot run"
        );
        let is_early = !record.state.serves_users() && plan.work != Work::Home;
        assert!(!is_early, "a candidate works only once it serves users");
    }
    if record.state > State::Local {
        let kind = RequestKind::Back { to: None, reason: None };
        let request = Request {
            operator: "kim".to_owned(),
            generation: None,
            kind,
        };
        let outcome = step(record, &View::default(), &request, now());
        assert!(
            outcome.is_ok_and(|step| step.migration.state < record.state),
            "back is always possible"
        );
    }
}

/// All worlds within [`DEPTH`] steps of `start`: their number, and the states of the migration.
fn search(start: World) -> (usize, BTreeSet<State>) {
    let actions = actions();
    let mut seen = HashSet::from([fingerprint(&start)]);
    let mut reached = BTreeSet::new();
    let mut queue = VecDeque::from([(start, 0)]);
    while let Some((world, depth)) = queue.pop_front() {
        check(&world);
        reached.insert(world.record.state);
        if depth == DEPTH {
            continue;
        }
        for action in &actions {
            let next = act(&world, *action).filter(|next| seen.insert(fingerprint(next)));
            queue.extend(next.map(|next| (next, depth + 1)));
        }
    }
    (seen.len(), reached)
}

/// A hash of 64 bits: among a million worlds, two share one with a probability of 3 in 100 million.
fn fingerprint(world: &World) -> u64 {
    let mut hasher = DefaultHasher::new();
    format!("{world:?}").hash(&mut hasher);
    hasher.finish()
}

#[test]
fn every_sequence_of_a_small_world_keeps_the_rules() {
    let canary = State::Canary(Percent::new(50).expect("1 to 99"));
    let fresh = search(world_at(Migration::new(7, now())));
    println!("before the start: {} worlds, {:?}", fresh.0, fresh.1);
    for state in [
        State::Local,
        State::Encoded,
        State::Shadow,
        canary,
        State::Remote,
        State::Detached,
    ] {
        let (worlds, reached) = search(world_at(at(state)));
        println!("{state}: {worlds} worlds, {reached:?}");
        assert!(
            reached.len() > 1,
            "the search must lead somewhere from {state}: {reached:?}"
        );
    }
}
