//! Paces of the walk: how long each state lasts, and how little evidence a demonstration accepts.

use std::time::Duration;

/// Pace of the walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// For people: each state lasts long enough to be read.
    Show,
    /// For tests and the impatient.
    Fast,
}

/// Times and limits of a pace.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tempo {
    /// Canary shares, in percent.
    pub(super) steps: &'static [u8],
    /// Accepted rate, 0 to 1, where the default limit of a gate is smaller. 368 clean observations show 1 %, and 36 show
    /// 10 %.
    pub(super) limit: f64,
    /// Shortest stay in a state on the way out, and on the way back.
    pub(super) stay: Duration,
    pub(super) stay_back: Duration,
    /// Time in a state after which a method without a call counts as one that nobody calls.
    pub(super) late_after: Duration,
    /// A gate that passes within this time is waited for.
    pub(super) wait_seconds: u64,
}

impl Pace {
    /// Name of the pace.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Show => "show",
            Self::Fast => "fast",
        }
    }

    pub(super) const fn tempo(self) -> Tempo {
        match self {
            Self::Show => Tempo {
                steps: &[10, 50],
                limit: 0.01,
                stay: Duration::from_secs(5),
                stay_back: Duration::from_secs(3),
                late_after: Duration::from_secs(6),
                wait_seconds: 8,
            },
            Self::Fast => Tempo {
                steps: &[50],
                limit: 0.1,
                stay: Duration::from_millis(1_500),
                stay_back: Duration::from_millis(500),
                late_after: Duration::from_secs(2),
                wait_seconds: 5,
            },
        }
    }
}
