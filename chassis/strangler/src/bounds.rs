//! Exact bounds of a rate, from `bad` of `n` observations. No approximation by a normal distribution: rates are small.
//!
//! Tails of the binomial distribution are summed term by term, from the largest term on. The library for this would bring
//! sixteen packages for the one function.

/// Halvings of the interval that holds a bound: finer than any rate that is compared with it.
const HALVINGS: u32 = 60;
/// Terms smaller than this share of the sum no longer change the sum.
const NEGLIGIBLE: f64 = 1e-17;

/// Upper bound of a rate (Clopper and Pearson): with a probability of at least `1 - error`, the true rate is below.
///
/// `bad` of `n` observations were bad. 1 without an observation, so that no bound is better than none.
#[must_use]
pub fn upper_bound(bad: u64, n: u64, error: f64) -> f64 {
    if n == 0 || bad >= n {
        return 1.0;
    }
    let (mut low, mut high) = (observed_rate(bad, n), 1.0);
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(low, high);
        // Few bad observations are the less probable, the higher the rate.
        if lower_tail(bad, n, middle) > error {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

/// Probability of at least `bad` bad observations of `n`, if `rate` is the true rate.
#[must_use]
pub fn probability_of_at_least(bad: u64, n: u64, rate: f64) -> f64 {
    if bad == 0 {
        return 1.0;
    }
    if bad > n || rate <= 0.0 {
        return 0.0;
    }
    if rate >= 1.0 {
        return 1.0;
    }
    // Summed on the side where the terms fall.
    if as_f64(bad) <= as_f64(n) * rate {
        return (1.0 - lower_tail(bad - 1, n, rate)).max(0.0);
    }
    let odds = rate / (1.0 - rate);
    sum_of_falling(
        term(bad, n, rate),
        (bad..n).map(|i| as_f64(n - i) / as_f64(i + 1) * odds),
    )
}

/// Probability of at most `bad` bad observations of `n`, for a rate of at least `bad / n`.
fn lower_tail(bad: u64, n: u64, rate: f64) -> f64 {
    if rate >= 1.0 {
        return 0.0;
    }
    let odds = (1.0 - rate) / rate;
    sum_of_falling(
        term(bad, n, rate),
        (1..=bad).rev().map(|i| as_f64(i) / as_f64(n - i + 1) * odds),
    )
}

/// Sums a series whose terms fall. `ratios`: each term as a share of the term before.
fn sum_of_falling(first: f64, ratios: impl Iterator<Item = f64>) -> f64 {
    let (mut term, mut sum) = (first, first);
    for ratio in ratios {
        term *= ratio;
        sum += term;
        if term <= sum * NEGLIGIBLE {
            break;
        }
    }
    sum.min(1.0)
}

/// Probability of exactly `bad` bad observations of `n`. By logarithms, because the factors leave the range of an `f64`.
fn term(bad: u64, n: u64, rate: f64) -> f64 {
    let fewer = bad.min(n - bad);
    let choices: f64 = (1..=fewer).map(|i| (as_f64(n - fewer + i) / as_f64(i)).ln()).sum();
    (choices + as_f64(bad) * rate.ln() + as_f64(n - bad) * (-rate).ln_1p()).exp()
}

/// Share of `bad` in `n` observations, 0 to 1. 0 without an observation.
pub(crate) fn observed_rate(bad: u64, n: u64) -> f64 {
    if n == 0 { 0.0 } else { as_f64(bad) / as_f64(n) }
}

/// A number in a million as a share, 0 to 1.
pub(crate) fn share(per_million: u32) -> f64 {
    f64::from(per_million) / 1e6
}

/// Counts of calls stay far below 2^52.
#[expect(
    clippy::cast_precision_loss,
    reason = "a probability needs no more than 52 bits of a count"
)]
fn as_f64(count: u64) -> f64 {
    count as f64
}
