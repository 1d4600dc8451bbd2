//! Plans: the routing of one process.

use offshoot_strangler::{MemberAbilities, Mode, Percent, Plan, State, Work, plan};

use crate::world::at;

const ALL: MemberAbilities = MemberAbilities {
    has_implementation: true,
    has_address: true,
};

fn canary(percent: u8) -> State {
    State::Canary(Percent::new(percent).expect("1 to 99"))
}

fn plan_at(state: State) -> Plan {
    plan(&at(state), ALL)
}

#[test]
fn each_state_has_its_routing() {
    for (state, mode, work) in [
        (State::Local, Mode::Local, Work::Home),
        (State::Encoded, Mode::Encoded, Work::Home),
        (State::Shadow, Mode::Shadow, Work::Home),
        (canary(1), Mode::Split, Work::Home),
        (canary(50), Mode::Split, Work::Both),
        (State::Remote, Mode::Remote, Work::Candidate),
        (State::Detached, Mode::Remote, Work::Candidate),
    ] {
        let plan = plan_at(state);
        assert_eq!((plan.mode, plan.work), (mode, work), "{state}");
    }
}

#[test]
fn a_larger_share_keeps_each_key_of_a_smaller_one() {
    let thresholds: Vec<_> = [canary(1), canary(5), canary(25), canary(50), State::Remote]
        .map(|state| plan_at(state).threshold)
        .into();
    assert!(thresholds.windows(2).all(|pair| pair[0] < pair[1]), "{thresholds:?}");
    assert_eq!((thresholds[0], thresholds[4]), ((1 << 32) / 100, 1 << 32));
}

#[test]
fn only_stages_with_a_candidate_compare() {
    assert_eq!(plan_at(State::Encoded).sample_per_mille, 0);
    assert_eq!(plan_at(State::Shadow).sample_per_mille, 100);
    assert_eq!(plan_at(State::Remote).sample_per_mille, 100);
}

#[test]
fn no_plan_asks_a_process_for_something_that_it_lacks() {
    let without_code = MemberAbilities {
        has_implementation: false,
        ..ALL
    };
    let without_address = MemberAbilities {
        has_address: false,
        ..ALL
    };
    for state in [State::Local, State::Encoded, State::Shadow, canary(5), State::Remote] {
        let plan_without_code = plan(&at(state), without_code);
        assert_eq!(
            (plan_without_code.mode, plan_without_code.fallback),
            (Mode::Remote, false),
            "{state}"
        );
        let mode = plan(&at(state), without_address).mode;
        assert!(matches!(mode, Mode::Local | Mode::Encoded), "{state}: {mode:?}");
    }
}
