//! Which gates a demonstration accepts by name, because a few seconds of calls cannot pass the default limits.
//!
//! Decides from a status, and calls nothing. A red gate is never accepted, except for fields that no comparison could
//! cover.

use super::admin::{Gate, Status, Verdict};

/// Probability that the bound of a gate's first look is too small.
const ERROR_OF_FIRST_LOOK: f64 = 0.025;
/// A supported limit is rounded up by this factor, so that rounding does not ask for one more observation.
const ROUNDING: f64 = 1.05;
/// Largest limit that the store accepts.
const LARGEST_LIMIT: f64 = 0.5;
/// Gates that show a wrong answer.
const SHOW_WRONG_ANSWERS: [&str; 3] = ["mismatch", "mismatch-all", "differences"];

/// What the demonstration accepts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Acceptance {
    /// Accepted rate, 0 to 1, where the default limit is smaller.
    pub(super) limit: f64,
    /// Whether each page and each basket had its turn in this state: a method without a call is one that nobody calls.
    pub(super) is_late: bool,
    /// A gate that passes within this time is waited for.
    pub(super) wait_seconds: u64,
    /// Whether a wrong answer is expected. Then no gate is accepted that could show one.
    pub(super) expects_wrong_answers: bool,
}

/// A gate to accept.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct AcceptedGate {
    pub(super) name: String,
    /// Accepted rate, 0 to 1; `None`: whatever was measured.
    pub(super) limit: Option<f64>,
    pub(super) reason: String,
}

impl Acceptance {
    /// The gates of a status to accept now.
    pub(super) fn choose(&self, status: &Status) -> Vec<AcceptedGate> {
        let candidates = status
            .gates
            .iter()
            .filter(|gate| gate.can_be_waived && self.may_accept(gate));
        candidates.filter_map(|gate| self.decide(gate, status)).collect()
    }

    fn may_accept(&self, gate: &Gate) -> bool {
        !(self.expects_wrong_answers && SHOW_WRONG_ANSWERS.contains(&gate.kind()))
    }

    fn decide(&self, gate: &Gate, status: &Status) -> Option<AcceptedGate> {
        let is_new = !status.waivers.contains_key(&gate.name);
        match (gate.verdict, gate.limit) {
            (Verdict::Held, Some(limit)) if limit < self.limit && is_new => {
                let reason = format!("a demonstration accepts {} %", self.limit * 100.0);
                Some(accepted(gate, Some(self.limit), reason))
            }
            (Verdict::Held, Some(limit)) if self.is_late => self.accept_rare(gate, limit),
            (Verdict::Held, None) if self.is_late => {
                let needed = gate.sample + gate.missing.unwrap_or_default();
                let reason = format!("a demonstration: {} of {needed} calls were made", gate.sample);
                Some(accepted(gate, None, reason))
            }
            (Verdict::Red, _) if gate.kind() == "coverage" && self.is_late => {
                let reason = format!("a demonstration: {}", gate.detail);
                Some(accepted(gate, None, reason))
            }
            _ => None,
        }
    }

    /// Accepts a rate with too few calls: as far as the calls support a limit, else whatever was measured.
    fn accept_rare(&self, gate: &Gate, limit: f64) -> Option<AcceptedGate> {
        if gate.seconds.is_some_and(|seconds| seconds <= self.wait_seconds) {
            return None;
        }
        let reason = format!("a demonstration: only {} observations", gate.sample);
        let supported = supported_limit(gate);
        if supported > LARGEST_LIMIT {
            return Some(accepted(gate, None, reason));
        }
        (supported > limit).then(|| accepted(gate, Some(supported), reason))
    }
}

fn accepted(gate: &Gate, limit: Option<f64>, reason: String) -> AcceptedGate {
    AcceptedGate {
        name: gate.name.clone(),
        limit,
        reason,
    }
}

/// The smallest rate that the observations so far exclude: at least the bound of the last look.
#[expect(clippy::cast_precision_loss, reason = "counts of a demonstration are small")]
fn supported_limit(gate: &Gate) -> f64 {
    if gate.sample == 0 {
        return 1.0;
    }
    let clean = 1.0 - ERROR_OF_FIRST_LOOK.powf(1.0 / gate.sample as f64);
    clean.max(gate.value.unwrap_or_default()) * ROUNDING
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const EARLY: Acceptance = Acceptance {
        limit: 0.01,
        is_late: false,
        wait_seconds: 10,
        expects_wrong_answers: false,
    };
    const LATE: Acceptance = Acceptance { is_late: true, ..EARLY };

    fn gate(name: &str, verdict: Verdict, limit: Option<f64>, sample: u64) -> Gate {
        Gate {
            name: name.to_owned(),
            verdict,
            detail: "seen".to_owned(),
            value: None,
            limit,
            sample,
            missing: Some(3),
            seconds: None,
            can_be_waived: name != "data",
        }
    }

    fn status(gate: Gate) -> Status {
        Status {
            generation: 1,
            state: "shadow".to_owned(),
            halted: None,
            can_go_forward: false,
            gates: vec![gate],
            members: Vec::new(),
            candidate: None,
            share_of_keys: 0.0,
            share_of_calls: None,
            methods: BTreeMap::new(),
            waivers: BTreeMap::new(),
        }
    }

    fn limit_of(acceptance: Acceptance, gate: Gate) -> Option<Option<f64>> {
        let chosen = acceptance.choose(&status(gate));
        chosen.first().map(|accepted| accepted.limit)
    }

    #[test]
    fn a_held_rate_is_accepted_up_to_the_limit_of_the_demonstration() {
        assert_eq!(
            limit_of(EARLY, gate("mismatch:browse", Verdict::Held, Some(0.001), 0)),
            Some(Some(0.01))
        );
        assert_eq!(limit_of(EARLY, gate("slow", Verdict::Held, Some(0.02), 0)), None);
        let mut accepted = status(gate("mismatch:browse", Verdict::Held, Some(0.001), 0));
        accepted
            .waivers
            .insert("mismatch:browse".to_owned(), serde_json::Value::Null);
        assert_eq!(EARLY.choose(&accepted), []);
    }

    #[test]
    fn a_rare_call_is_accepted_as_far_as_its_count_goes() {
        let limit = limit_of(LATE, gate("mismatch:revenue", Verdict::Held, Some(0.01), 36));
        let limit = limit.flatten().expect("36 calls support a limit");
        assert!((0.09..0.11).contains(&limit), "{limit}");
        assert_eq!(
            limit_of(LATE, gate("mismatch:revenue", Verdict::Held, Some(0.01), 2)),
            Some(None)
        );
        let mut soon = gate("mismatch:revenue", Verdict::Held, Some(0.01), 36);
        soon.seconds = Some(4);
        assert_eq!(limit_of(LATE, soon), None);
    }

    #[test]
    fn a_method_that_nobody_calls_is_accepted_late() {
        let uncalled = || gate("writes:discontinue", Verdict::Held, None, 0);
        assert_eq!(
            (limit_of(EARLY, uncalled()), limit_of(LATE, uncalled())),
            (None, Some(None))
        );
    }

    #[test]
    fn a_red_gate_is_never_accepted() {
        for name in ["mismatch:browse", "differences", "errors", "data"] {
            assert_eq!(limit_of(LATE, gate(name, Verdict::Red, Some(0.01), 100)), None);
        }
    }

    #[test]
    fn a_gate_that_could_show_the_expected_fault_is_not_accepted() {
        let hunting = Acceptance {
            expects_wrong_answers: true,
            ..LATE
        };
        assert_eq!(
            limit_of(hunting, gate("mismatch-all", Verdict::Held, Some(0.001), 0)),
            None
        );
        assert_eq!(
            limit_of(hunting, gate("slow", Verdict::Held, Some(0.001), 0)),
            Some(Some(0.01))
        );
    }
}
