//! How many calls each gate needs, and how long that takes at the calls so far. Pure: no I/O.
//!
//! The limits come from the gates themselves, asked about a migration without evidence.

use std::collections::BTreeMap;

use offshoot_contract::Timestamp;
use offshoot_strangler::{GateKind, MethodKind, Migration, Percent, Settings, State, Verdict, View, gates};
use serde::Serialize;

/// Longest time that a canary share may need for its own calls, in seconds. A smaller share protects few keys for long.
const LONGEST_CANARY: u64 = 60 * 60;

/// The calls of a module so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Traffic {
    /// The methods of the contract.
    pub(super) methods: Vec<MethodKind>,
    /// Calls a second by method.
    pub(super) rates: BTreeMap<String, f64>,
}

/// One state on the way out.
#[derive(Debug, Serialize)]
pub(super) struct StateForecast {
    /// The state.
    pub(super) state: State,
    /// The gates to the next state that count something, the slowest first.
    pub(super) gates: Vec<GateForecast>,
    /// Seconds that the state takes. `None` if a gate waits for calls that nobody sends.
    pub(super) seconds: Option<u64>,
    /// Whether a canary share needs too long for its own calls.
    pub(super) left_out: bool,
}

/// One gate.
#[derive(Debug, Serialize)]
pub(super) struct GateForecast {
    pub(super) name: String,
    /// Observations that the first look needs.
    pub(super) sample: u64,
    /// Seconds until then. `None` without calls, and for events.
    pub(super) seconds: Option<u64>,
    /// Whether the observations are calls of users at the candidate, which a larger share brings sooner.
    #[serde(skip)]
    counts_share: bool,
}

/// The states from Encoded on, with the gates that each needs.
pub(super) fn forecast(traffic: &Traffic, settings: &Settings, now: Timestamp) -> Vec<StateForecast> {
    let mut states = Vec::new();
    let mut state = State::Local;
    while let Some(next) = state.next(&settings.steps) {
        if state != State::Local {
            states.push(of_state(traffic, settings, state, next, now));
        }
        state = next;
    }
    keep_one_canary(&mut states);
    states
}

/// Whether most of the time passes until enough reads were compared, so that a larger sample saves time.
pub(super) fn waits_for_comparisons(states: &[StateForecast]) -> bool {
    let slowest = states.iter().filter(|forecast| forecast.state == State::Shadow);
    slowest
        .filter_map(|forecast| forecast.gates.iter().find(|gate| gate.seconds.is_some()))
        .any(|gate| gate.name.starts_with(GateKind::Mismatch.as_str()) && gate.seconds > Some(LONGEST_CANARY))
}

/// The canary shares that are not left out.
pub(super) fn kept_steps(states: &[StateForecast]) -> Vec<Percent> {
    let kept = states.iter().filter(|forecast| !forecast.left_out);
    kept.filter_map(|forecast| match forecast.state {
        State::Canary(share) => Some(share),
        _ => None,
    })
    .collect()
}

/// A step from no keys to all keys would put every user at risk at once.
fn keep_one_canary(states: &mut [StateForecast]) {
    let is_canary = |forecast: &&mut StateForecast| matches!(forecast.state, State::Canary(_));
    if kept_steps(states).is_empty()
        && let Some(largest) = states.iter_mut().rev().find(is_canary)
    {
        largest.left_out = false;
    }
}

fn of_state(traffic: &Traffic, settings: &Settings, state: State, next: State, now: Timestamp) -> StateForecast {
    let migration = Migration {
        state,
        started: true,
        settings: settings.clone(),
        ..Migration::new(0, now)
    };
    let view = View {
        methods: traffic.methods.clone(),
        ..View::default()
    };
    let mut counted: Vec<_> = gates(&migration, &view, next, now)
        .into_iter()
        .filter_map(|gate| {
            let Verdict::Held { missing, .. } = gate.verdict else {
                return None;
            };
            let counts_share = state.serves_users() && matches!(gate.id.kind, GateKind::Errors | GateKind::Slow);
            let rate = rate(traffic, settings, state, gate.id.kind, &gate.id.subject);
            (missing > 0).then(|| GateForecast {
                name: gate.id.to_string(),
                sample: missing,
                seconds: seconds(missing, rate),
                counts_share,
            })
        })
        .collect();
    counted.sort_by_key(|gate| std::cmp::Reverse(gate.seconds.unwrap_or(u64::MAX)));
    let timed = counted.iter().filter(|gate| gate.name != GateKind::Work.as_str());
    let longest = |seconds: Option<u64>, gate: &GateForecast| Some(seconds?.max(gate.seconds?));
    let of_share = counted
        .iter()
        .filter(|gate| gate.counts_share)
        .try_fold(0, |most, gate| longest(Some(most), gate));
    StateForecast {
        state,
        seconds: timed.fold(Some(0), longest),
        left_out: matches!(state, State::Canary(_)) && of_share.is_some_and(|seconds| seconds > LONGEST_CANARY),
        gates: counted,
    }
}

/// Observations a second of a gate in a state. Zero for events, whose rate nobody measures.
fn rate(traffic: &Traffic, settings: &Settings, state: State, kind: GateKind, subject: &str) -> f64 {
    let of = |name: &str| traffic.rates.get(name).copied().unwrap_or(0.0);
    let all: f64 = traffic.rates.values().sum();
    let reads = traffic.methods.iter().filter(|method| method.safe);
    let reads: f64 = reads.map(|method| of(&method.name)).sum();
    let sample = f64::from(settings.sample_per_mille) / 1_000.0;
    let share = match state {
        State::Canary(share) => f64::from(share.get()) / 100.0,
        State::Remote | State::Detached => 1.0,
        _ => 0.0,
    };
    match kind {
        GateKind::Encoding => of(subject),
        GateKind::Mismatch | GateKind::Coverage => of(subject) * sample,
        GateKind::MismatchAll => reads * sample,
        GateKind::Slow if !state.serves_users() => reads * sample,
        GateKind::Slow | GateKind::Errors => all * share,
        GateKind::Writes => of(subject) * share,
        _ => 0.0,
    }
}

/// Seconds for `observations` at `rate` a second.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an estimate; a cast from f64 saturates"
)]
fn seconds(observations: u64, rate: f64) -> Option<u64> {
    (rate > 0.0).then(|| (observations as f64 / rate).ceil() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn traffic(rates: &[(&str, bool, f64)]) -> Traffic {
        Traffic {
            methods: rates
                .iter()
                .map(|(name, safe, _)| MethodKind {
                    name: (*name).to_owned(),
                    safe: *safe,
                })
                .collect(),
            rates: rates
                .iter()
                .map(|(name, _, rate)| ((*name).to_owned(), *rate))
                .collect(),
        }
    }

    fn states(rates: &[(&str, bool, f64)]) -> Vec<StateForecast> {
        let now = Timestamp::from_micros(0).expect("valid");
        forecast(&traffic(rates), &Settings::default(), now)
    }

    #[test]
    fn each_gate_needs_the_sample_that_bounds_its_rate() {
        let states = states(&[("browse", true, 100.0), ("put", false, 10.0)]);
        let names: Vec<_> = states.iter().map(|forecast| forecast.state.to_string()).collect();
        assert_eq!(
            names,
            [
                "encoded",
                "shadow",
                "canary:1",
                "canary:5",
                "canary:25",
                "canary:50",
                "remote"
            ]
        );
        let shadow = &states[1];
        let slowest = &shadow.gates[0];
        assert_eq!(
            (&*slowest.name, slowest.sample, slowest.seconds),
            ("mismatch-all", 12_295, Some(1_230))
        );
        assert_eq!(shadow.seconds, Some(1_230));
        let errors = states[2]
            .gates
            .iter()
            .find(|gate| gate.name == "errors")
            .expect("a gate");
        assert_eq!((errors.sample, errors.seconds), (183, Some(167)));
    }

    #[test]
    fn canary_shares_that_need_more_than_an_hour_are_left_out_but_one_stays() {
        let kept = |rate| {
            kept_steps(&states(&[("browse", true, rate)]))
                .iter()
                .map(|share| share.get())
                .collect::<Vec<_>>()
        };
        assert_eq!(kept(100.0), [1, 5, 25, 50]);
        assert_eq!(kept(1.0), [25, 50]);
        assert_eq!(kept(0.001), [50]);
        assert_eq!(kept(0.0), [1, 5, 25, 50], "nothing is known without calls");
    }

    #[test]
    fn a_method_without_calls_makes_the_time_unknown() {
        let states = states(&[("browse", true, 100.0), ("put", false, 0.0)]);
        assert_eq!(states[0].seconds, None);
        assert_eq!(states[0].gates[0].name, "encoding:put");
    }
}
