//! What a switch counts for each path of calls: who calls which method, where it runs, how it ends, how long it takes
//! and how large it is.

use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use serde::Serialize;

use crate::{Contract, ContractError, FailureKind, Method, MethodSpec, Placement, method_specs};

/// Buckets of the histogram: bucket `n` counts calls of less than `2^n` microseconds; the last counts all slower ones.
const BUCKETS: usize = 26;
/// Callers that are told apart; the last place is shared by all that come later.
const CALLERS: usize = 16;
/// Calls of a path until one is measured in bytes. Encoding costs more than counting, and a local call needs none.
const MEASURE_EVERY: u64 = 64;
/// How a call may end: with the answer, with the module's own error, or with a failure of some kind.
const OUTCOMES: [&str; 12] = [
    "ok",
    "answer",
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

/// The counts of one contract.
#[derive(Debug)]
pub struct CallStats {
    methods: Vec<&'static MethodSpec>,
    callers: [OnceLock<Caller>; CALLERS],
}

#[derive(Debug)]
struct Caller {
    name: &'static str,
    /// By method, then by placement.
    paths: Box<[[Path; Placement::ALL.len()]]>,
}

/// The calls of one caller to one method at one place.
#[derive(Debug, Default)]
pub(crate) struct Path {
    begun: AtomicU64,
    outcomes: [AtomicU64; OUTCOMES.len()],
    latency: [AtomicU64; BUCKETS],
    micros: AtomicU64,
    requests: Measured,
    answers: Measured,
}

#[derive(Debug, Default)]
struct Measured {
    count: AtomicU64,
    bytes: AtomicU64,
}

/// What was counted for one path since the process started.
#[derive(Debug, Clone, PartialEq)]
pub struct PathCounts {
    /// The module or origin that calls.
    pub caller: &'static str,
    /// The module that is called.
    pub callee: &'static str,
    /// Its method.
    pub method: &'static str,
    /// Where calls ran.
    pub placement: Placement,
    /// Calls that ended, by how: `ok`, `answer` for the module's own error, or the kind of a `CallFailure`.
    pub outcomes: Vec<(&'static str, u64)>,
    /// Calls per bucket: upper bound (exclusive; none: no bound), count.
    pub latency: Vec<(Option<Duration>, u64)>,
    /// The time of all calls together.
    pub total: Duration,
    /// Arguments as JSON: those that were measured, one in 64, and their bytes.
    pub requests: (u64, u64),
    /// Answers as JSON, the same way.
    pub answers: (u64, u64),
}

impl PathCounts {
    /// Calls that ended.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.outcomes.iter().map(|(_, count)| count).sum()
    }
}

impl CallStats {
    pub(crate) fn of<A: Contract + ?Sized>() -> Self {
        Self {
            methods: method_specs::<A>(),
            callers: Default::default(),
        }
    }

    pub(crate) fn path(&self, caller: &'static str, spec: &MethodSpec, placement: Placement) -> &Path {
        let new = |name| Caller {
            name,
            paths: self.methods.iter().map(|_| Default::default()).collect(),
        };
        let (last, told_apart) = self.callers.split_last().expect("there are places for callers");
        let mut callers = told_apart.iter().map(|place| place.get_or_init(|| new(caller)));
        let caller = callers.find(|it| it.name == caller);
        &caller.unwrap_or_else(|| last.get_or_init(|| new("other"))).paths[spec.index][placement as usize]
    }

    /// Every path on which a call has ended.
    #[must_use]
    pub fn paths(&self) -> Vec<PathCounts> {
        let callers = self.callers.iter().filter_map(OnceLock::get);
        let paths = callers.flat_map(|caller| {
            let methods = caller.paths.iter().zip(&self.methods);
            methods.flat_map(move |(placements, spec)| {
                let places = placements.iter().zip(Placement::ALL);
                places.map(move |(path, placement)| path.counts(caller.name, spec, placement))
            })
        });
        paths.filter(|path| path.calls() > 0).collect()
    }
}

impl Path {
    /// Notes a call that begins; true if it is one of those that are measured.
    pub(crate) fn begin(&self) -> bool {
        self.begun.fetch_add(1, Relaxed).is_multiple_of(MEASURE_EVERY)
    }

    pub(crate) fn end(&self, outcome: usize, took: Duration) {
        let micros = took.as_secs().saturating_mul(1_000_000) + u64::from(took.subsec_micros());
        let bucket = (u64::BITS - micros.leading_zeros()) as usize;
        self.outcomes[outcome].fetch_add(1, Relaxed);
        self.latency[bucket.min(BUCKETS - 1)].fetch_add(1, Relaxed);
        self.micros.fetch_add(micros, Relaxed);
    }

    pub(crate) fn measure_request(&self, arguments: &impl Serialize) {
        self.requests.measure(arguments);
    }

    pub(crate) fn measure_answer(&self, answer: &impl Serialize) {
        self.answers.measure(answer);
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

impl Measured {
    fn measure(&self, value: &impl Serialize) {
        let mut size = Size(0);
        // What cannot be encoded fails where it has to be.
        if serde_json::to_writer(&mut size, value).is_ok() {
            self.count.fetch_add(1, Relaxed);
            self.bytes.fetch_add(size.0, Relaxed);
        }
    }

    fn get(&self) -> (u64, u64) {
        (self.count.load(Relaxed), self.bytes.load(Relaxed))
    }
}

/// Counts what is written to it.
struct Size(u64);

impl io::Write for Size {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// How a call ended, as a position among the outcomes.
pub(crate) fn outcome<M: Method>(result: &Result<M::Answer, M::Error>) -> usize {
    let Err(error) = result else { return 0 };
    if error.variant().is_some() {
        return 1;
    }
    let Err(failure) = error.to_problem() else { return 1 };
    match failure.kind() {
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
    }
}

/// The word for it.
pub(crate) fn outcome_name(outcome: usize) -> &'static str {
    OUTCOMES[outcome]
}

/// How a call ended: `ok`, `answer` for the module's own error, or the kind of a `CallFailure`.
pub fn outcome_of<M: Method>(result: &Result<M::Answer, M::Error>) -> &'static str {
    outcome_name(outcome::<M>(result))
}
