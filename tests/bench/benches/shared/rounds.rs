//! Alternating benchmark rounds and their statistics. Contestants alternate, so that other load on the machine affects
//! all contestants. Knows nothing about the measured code.

use std::fmt;

/// Runs every contestant once as a warm-up and then `rounds` times. Returns the figures of each contestant by round.
///
/// `run` receives the contestant's number. Each round starts with another contestant, so that no contestant always runs
/// after the same predecessor.
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

/// Median, minimum and maximum.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    lowest: f64,
    highest: f64,
}

impl Spread {
    /// Computes the spread of at least one value.
    pub(crate) fn from_values(values: impl IntoIterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = values.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        Self {
            median: sorted[sorted.len() / 2],
            lowest: sorted[0],
            highest: sorted[sorted.len() - 1],
        }
    }

    /// Computes the spread of the ratios `ours / theirs` by round, so that a disturbance of both in one round cancels
    /// out.
    pub(crate) fn from_ratios(ours: impl IntoIterator<Item = f64>, theirs: impl IntoIterator<Item = f64>) -> Self {
        Self::from_values(ours.into_iter().zip(theirs).map(|(ours, theirs)| ours / theirs))
    }
}

/// Prints `0.91 (0.88..0.97)`. The formatter's precision sets the decimals.
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

/// Prints one result line.
#[allow(dead_code, reason = "unused by benchmarks with their own tables")]
pub(crate) fn report(title: &str, ours: impl fmt::Display, baseline: impl fmt::Display, ratio: Spread) {
    println!("{title:34} | ours {ours} | baseline {baseline} | ratio {ratio}");
}
