//! The operator's choices for one migration.

use serde::{Deserialize, Serialize};

use crate::state::Percent;

/// The shares of a canary: each step multiplies the keys at risk only after the smaller share has proven itself.
const STEPS: [Percent; 4] = [
    Percent::new(1).unwrap(),
    Percent::new(5).unwrap(),
    Percent::new(25).unwrap(),
    Percent::new(50).unwrap(),
];
/// Longest list of canary steps.
const MAX_STEPS: usize = 20;
/// Largest margin of slow attempts: longer than any timeout of a call.
const MAX_SLOW_MARGIN_MS: u32 = 60_000;

/// Choices of the operator. Changed with the verb `set`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Canary shares, ascending. May be empty: the candidate takes all keys at once.
    pub steps: Vec<Percent>,
    /// Reads of 1,000 that are repeated at the candidate for comparison, 0 to 1,000.
    pub sample_per_mille: u16,
    /// Whether the local implementation executes a call that the candidate did not answer, where the policy allows it.
    pub fallback: bool,
    /// Smallest canary share at which the candidate shares the background work.
    pub work_from: Percent,
    /// Milliseconds beyond the local 99th percentile up to which no attempt is slow, 1 to 60,000. An attempt below twice the
    /// percentile is never slow.
    #[serde(default = "default_slow_margin_ms")]
    pub slow_margin_ms: u32,
}

/// Twice a tenth of a millisecond would be red for ever: a network takes longer.
const fn default_slow_margin_ms() -> u32 {
    20
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            steps: STEPS.to_vec(),
            sample_per_mille: 100,
            fallback: true,
            work_from: Percent::new(50).expect("50 is within 1 to 99"),
            slow_margin_ms: default_slow_margin_ms(),
        }
    }
}

/// Error for settings outside their range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSettings {
    /// The canary shares do not rise, or are too many.
    #[error("steps: use at most {MAX_STEPS} shares in ascending order, such as 1, 5, 25, 50")]
    Steps,
    /// The sample is not a share.
    #[error("sample_per_mille: {0} is outside 0 to 1000")]
    Sample(u16),
    /// The margin of slow attempts is outside its range.
    #[error("slow_margin_ms: {0} is outside 1 to {MAX_SLOW_MARGIN_MS}")]
    SlowMargin(u32),
}

impl Settings {
    /// Checks the ranges.
    pub fn validate(&self) -> Result<(), InvalidSettings> {
        let ascends = self.steps.windows(2).all(|pair| pair[0] < pair[1]);
        if !ascends || self.steps.len() > MAX_STEPS {
            return Err(InvalidSettings::Steps);
        }
        if self.sample_per_mille > 1_000 {
            return Err(InvalidSettings::Sample(self.sample_per_mille));
        }
        if !(1..=MAX_SLOW_MARGIN_MS).contains(&self.slow_margin_ms) {
            return Err(InvalidSettings::SlowMargin(self.slow_margin_ms));
        }
        Ok(())
    }
}
