//! Looks at growing evidence.
//!
//! Whoever looks at a growing sample again and again finds a good moment by chance. So a gate looks only when the sample
//! has `n0`, `2 n0`, `4 n0` ... observations, each look may err less than the one before, and all together err with at
//! most [`ERROR`]. Between looks the result of the last look stands.

use serde::{Deserialize, Serialize};

use crate::bounds::upper_bound;

/// Probability that a gate turns green although the true rate is above the limit, over all looks.
pub(crate) const ERROR: f64 = 0.05;

/// The evidence at the moment of one look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Look {
    /// Number of the look, from 0.
    pub number: u32,
    /// Bad observations.
    pub bad: u64,
    /// Observations.
    pub n: u64,
}

impl Look {
    /// The look that is due after `previous`, if the sample has grown enough. `first`: observations of the first look.
    #[must_use]
    pub(crate) fn due(previous: Option<Look>, first: u64, bad: u64, n: u64) -> Option<Look> {
        let reached = (n / first.max(1)).checked_ilog2()?;
        let is_due = previous.is_none_or(|previous| reached > previous.number);
        is_due.then_some(Look {
            number: reached,
            bad,
            n,
        })
    }

    /// Upper bound of the rate, with the confidence of this look.
    #[must_use]
    pub(crate) fn bound(self) -> f64 {
        upper_bound(self.bad, self.n, error_of_look(self.number))
    }
}

/// Confidence of a look, 0 to 1. `number`: from 0.
#[must_use]
pub fn confidence_of_look(number: u32) -> f64 {
    1.0 - error_of_look(number)
}

/// Half of the error for the first look, a quarter for the second, and so on: the sum stays below [`ERROR`].
fn error_of_look(number: u32) -> f64 {
    ERROR / 2_f64.powi(i32::try_from(number).unwrap_or(i32::MAX).saturating_add(1))
}

/// Observations after which the first look bounds the rate by `limit`, if no observation is bad. `limit`: 0 to 1, both
/// excluded.
#[must_use]
pub fn samples_if_clean(limit: f64) -> u64 {
    let samples = (error_of_look(0).ln() / (-limit).ln_1p()).ceil();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a cast from f64 saturates, and a sample is not negative"
    )]
    let samples = samples as u64;
    // A bound at exactly the limit may exceed the limit by a rounding error.
    if upper_bound(0, samples, error_of_look(0)) <= limit {
        samples
    } else {
        samples + 1
    }
}

/// Observations that are missing until the next look.
pub(crate) fn until_next(previous: Option<Look>, first: u64, n: u64) -> u64 {
    let number = previous.map_or(0, |look| look.number + 1);
    let doublings = 1_u64.checked_shl(number).unwrap_or(u64::MAX);
    first.saturating_mul(doublings).saturating_sub(n)
}
