//! Rounds in which contestants alternate, so that what else the machine does meets all of them, and what is told of
//! them. Knows nothing of what is measured.

use std::fmt;

/// Runs every contestant once to warm up and then `rounds` times. Answers the figures of each, round by round.
///
/// `run` is given the contestant's number. Each round begins with another one, so that nobody always runs after the
/// same.
pub(crate) async fn alternate<T>(
    rounds: usize,
    contestants: usize,
    mut run: impl AsyncFnMut(usize) -> T,
) -> Vec<Vec<T>> {
    for contestant in 0..contestants {
        run(contestant).await;
    }
    let mut figures: Vec<Vec<T>> = (0..contestants).map(|_| Vec::new()).collect();
    for round in 0..rounds {
        for step in 0..contestants {
            let contestant = (round + step) % contestants;
            figures[contestant].push(run(contestant).await);
        }
    }
    figures
}

/// The middle value, and how far the others lie around it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    lowest: f64,
    highest: f64,
}

impl Spread {
    /// Of at least one value.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = values.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        Self {
            median: sorted[sorted.len() / 2],
            lowest: sorted[0],
            highest: sorted[sorted.len() - 1],
        }
    }

    /// Of ours by theirs, round by round: what slowed both in a round cancels out.
    pub(crate) fn of_ratios(ours: impl IntoIterator<Item = f64>, theirs: impl IntoIterator<Item = f64>) -> Self {
        Self::of(ours.into_iter().zip(theirs).map(|(ours, theirs)| ours / theirs))
    }
}

/// `0.91 (0.88..0.97)`; more decimals can be asked for.
impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = f.precision().unwrap_or(2);
        let Self {
            median,
            lowest,
            highest,
        } = self;
        write!(f, "{median:.decimals$} ({lowest:.decimals$}..{highest:.decimals$})")
    }
}

/// Prints one line of the result.
#[allow(dead_code, reason = "some benchmarks print tables of their own")]
pub(crate) fn report(what: &str, ours: impl fmt::Display, baseline: impl fmt::Display, ratio: Spread) {
    println!("{what:34} | ours {ours} | baseline {baseline} | ratio {ratio}");
}
