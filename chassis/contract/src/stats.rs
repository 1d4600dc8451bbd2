//! Call statistics of one switch, by caller, method and placement: outcomes, latency histogram, payload sizes.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use serde::Serialize;

use crate::failure::{CallFailure, FailureKind};
use crate::method::{Contract, method_specs};
use crate::method_spec::MethodSpec;
use crate::placement::Placement;
use crate::problem::ContractError;

/// Buckets of the latency histogram: bucket `n` counts calls shorter than `2^n` microseconds. The last bucket counts all
/// slower calls.
const BUCKETS: usize = 26;
/// Callers with separate counters. Further callers share the last counter, named `other`.
const CALLERS: usize = 16;
/// One call in this many is measured in bytes: measuring encodes the values, which a local call does not need.
const MEASURE_EVERY: u64 = 64;
/// Outcomes of a call: answer, domain error, or the kind of call failure.
const OUTCOMES: [&str; 12] = [
    "ok",
    "domain-error",
    "unavailable",
    "overloaded",
    "refused",
    "timeout",
    "connection-lost",
    "bad-answer",
    "wrong-contract",
    "dependency",
    "unrecognised",
    "internal",
];

/// Call statistics of one contract.
#[derive(Debug)]
pub struct CallStats {
    methods: Vec<&'static MethodSpec>,
    callers: [OnceLock<Caller>; CALLERS],
}

#[derive(Debug)]
struct Caller {
    name: &'static str,
    /// By method, then by placement.
    paths: Box<[[CallPath; Placement::ALL.len()]]>,
}

/// Counters of the calls from one caller to one method at one placement.
#[derive(Debug, Default)]
pub(crate) struct CallPath {
    begun: AtomicU64,
    outcomes: [AtomicU64; OUTCOMES.len()],
    latency: [AtomicU64; BUCKETS],
    micros: AtomicU64,
    requests: SizeCounter,
    answers: SizeCounter,
}

#[derive(Debug, Default)]
struct SizeCounter {
    count: AtomicU64,
    bytes: AtomicU64,
}

/// Counts for one caller, method and placement since the process started.
#[derive(Debug, Clone, PartialEq)]
pub struct PathCounts {
    /// The calling module or origin.
    pub caller: &'static str,
    /// The called module.
    pub callee: &'static str,
    /// The called method.
    pub method: &'static str,
    /// The placement of the calls.
    pub placement: Placement,
    /// Ended calls by outcome: `ok`, `domain-error`, or the kind of a `CallFailure`.
    pub outcomes: Vec<(&'static str, u64)>,
    /// Ended calls by latency: upper bound of the bucket (exclusive; none: unbounded), count.
    pub latency: Vec<(Option<Duration>, u64)>,
    /// Total duration of all calls.
    pub total: Duration,
    /// Number of measured requests (one in 64), and total bytes of the arguments as JSON.
    pub requests: (u64, u64),
    /// Number of measured answers (one in 64), and total bytes as JSON.
    pub answers: (u64, u64),
}

impl PathCounts {
    /// Number of ended calls.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.outcomes.iter().map(|(_, count)| count).sum()
    }
}

impl CallStats {
    pub(crate) fn for_contract<A: Contract + ?Sized>() -> Self {
        Self {
            methods: method_specs::<A>(),
            callers: Default::default(),
        }
    }

    /// The counters of one path. `method`: the position of the method in the trait.
    pub(crate) fn path(&self, caller: &'static str, method: usize, placement: Placement) -> &CallPath {
        let new = |name| Caller {
            name,
            paths: self.methods.iter().map(|_| Default::default()).collect(),
        };
        let (last, separate) = self.callers.split_last().expect("CALLERS is not zero");
        let mut callers = separate.iter().map(|slot| slot.get_or_init(|| new(caller)));
        let caller = callers.find(|candidate| candidate.name == caller);
        &caller.unwrap_or_else(|| last.get_or_init(|| new("other"))).paths[method][placement as usize]
    }

    /// Counts of every path with at least one ended call.
    #[must_use]
    pub fn paths(&self) -> Vec<PathCounts> {
        let callers = self.callers.iter().filter_map(OnceLock::get);
        let paths = callers.flat_map(|caller| {
            let methods = caller.paths.iter().zip(&self.methods);
            methods.flat_map(move |(placements, spec)| {
                let paths = placements.iter().zip(Placement::ALL);
                paths.map(move |(path, placement)| path.counts(caller.name, spec, placement))
            })
        });
        paths.filter(|path| path.calls() > 0).collect()
    }
}

impl CallPath {
    /// Counts the start of a call. True if this call is to be measured in bytes.
    pub(crate) fn begin(&self) -> bool {
        self.begun.fetch_add(1, Relaxed).is_multiple_of(MEASURE_EVERY)
    }

    pub(crate) fn end(&self, outcome: Outcome, took: Duration) {
        let micros = took.as_secs().saturating_mul(1_000_000) + u64::from(took.subsec_micros());
        let bucket = (u64::BITS - micros.leading_zeros()) as usize;
        self.outcomes[outcome.0].fetch_add(1, Relaxed);
        self.latency[bucket.min(BUCKETS - 1)].fetch_add(1, Relaxed);
        self.micros.fetch_add(micros, Relaxed);
    }

    pub(crate) fn measure_request(&self, arguments: &impl Serialize) {
        self.requests.measure(serde_json::to_vec(arguments));
    }

    pub(crate) fn measure_answer(&self, answer: &impl Serialize) {
        self.answers.measure(serde_json::to_vec(answer));
    }

    fn counts(&self, caller: &'static str, spec: &MethodSpec, placement: Placement) -> PathCounts {
        let bound = |bucket| (bucket + 1 < BUCKETS).then(|| Duration::from_micros(1_u64 << bucket));
        PathCounts {
            caller,
            callee: spec.module,
            method: spec.name,
            placement,
            outcomes: (OUTCOMES.iter().zip(&self.outcomes))
                .map(|(name, count)| (*name, count.load(Relaxed)))
                .collect(),
            latency: (self.latency.iter().enumerate())
                .map(|(bucket, count)| (bound(bucket), count.load(Relaxed)))
                .collect(),
            total: Duration::from_micros(self.micros.load(Relaxed)),
            requests: self.requests.get(),
            answers: self.answers.get(),
        }
    }
}

impl SizeCounter {
    /// `value`: JSON. A value that does not encode is not measured: the client or the server reports the error.
    fn measure(&self, value: serde_json::Result<Vec<u8>>) {
        if let Ok(json) = value {
            self.count.fetch_add(1, Relaxed);
            self.bytes.fetch_add(json.len() as u64, Relaxed);
        }
    }

    fn get(&self) -> (u64, u64) {
        (self.count.load(Relaxed), self.bytes.load(Relaxed))
    }
}

/// Outcome of a call: an answer, a domain error, or the kind of a `CallFailure`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome(usize);

impl Outcome {
    /// The outcome of a call with this result.
    pub fn from_result<T, E: ContractError>(result: &Result<T, E>) -> Self {
        match result {
            Ok(_) => Self(0),
            Err(error) => Self::from_failure(error.failure()),
        }
    }

    /// The outcome of a call without an answer; no failure: a domain error.
    fn from_failure(failure: Option<&CallFailure>) -> Self {
        let Some(failure) = failure else { return Self(1) };
        Self(match failure.kind() {
            FailureKind::Unavailable => 2,
            FailureKind::Overloaded { .. } => 3,
            FailureKind::Refused { .. } => 4,
            FailureKind::Timeout => 5,
            FailureKind::ConnectionLost => 6,
            FailureKind::BadAnswer => 7,
            FailureKind::WrongContract => 8,
            FailureKind::Dependency { .. } => 9,
            FailureKind::Unrecognised { .. } => 10,
            FailureKind::Internal => 11,
        })
    }

    /// Name in metrics and spans: `ok`, `domain-error`, or the kind of the `CallFailure`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        OUTCOMES[self.0]
    }
}
