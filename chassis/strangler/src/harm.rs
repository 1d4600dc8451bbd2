//! Harm: whether a window of calls shows that the candidate fails more often, or is slower, than it may.

use std::collections::BTreeMap;

use crate::bounds::{probability_of_at_least, share};
use crate::evidence::SideCounts;

/// A window is bad if a candidate as good as the limit would look like this less often than once in so many windows.
const CHANCE: f64 = 0.000_1;
/// Accepted failures beyond the baseline's rate, in a million attempts.
const ACCEPTED_ERRORS: u32 = 10_000;
/// Accepted slow attempts, in a million.
const ACCEPTED_SLOW_ATTEMPTS: u32 = 50_000;
/// Attempts from which on a window alone can be an emergency.
const EMERGENCY_CALLS: u64 = 10;

/// Judgement of one window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Harm {
    /// Nothing to see.
    None,
    /// More failures or slow attempts than chance explains; the finding. Two windows in a row send the module back.
    Bad(String),
    /// At least half of the calls of a method failed; the finding. Sends the module back at once.
    Emergency(String),
}

/// Judges the candidate's attempts of one window. `baseline`: share of failed local calls by method, 0 to 1; a method
/// without an entry is expected not to fail.
#[must_use]
pub fn judge_window(attempts: &BTreeMap<String, SideCounts>, baseline: &BTreeMap<String, f64>) -> Harm {
    let mut harm = Harm::None;
    for (method, counts) in attempts {
        let (calls, failed, slow) = (counts.calls, counts.failed, counts.slow);
        if calls >= EMERGENCY_CALLS && failed.saturating_mul(2) >= calls {
            return Harm::Emergency(format!("{failed} of {calls} calls of {method} failed"));
        }
        let expected = baseline.get(method).copied().unwrap_or(0.0) + share(ACCEPTED_ERRORS);
        if probability_of_at_least(failed, calls, expected) < CHANCE {
            harm = Harm::Bad(format!("{failed} of {calls} calls of {method} failed"));
        } else if harm == Harm::None && probability_of_at_least(slow, calls, share(ACCEPTED_SLOW_ATTEMPTS)) < CHANCE {
            harm = Harm::Bad(format!("{slow} of {calls} calls of {method} were slow"));
        }
    }
    harm
}
