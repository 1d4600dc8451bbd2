//! Windows of one module: the candidate's attempts since the last judgement, judged when there are enough.

use std::collections::BTreeMap;
use std::time::Duration;

use offshoot_contract::{CallContext, CallFailure, Timestamp};
use offshoot_db::Db;
use tokio::time::Instant;

use crate::change::Step;
use crate::control::{Observation, apply_request};
use crate::evidence::SideCounts;
use crate::harm::{Harm, judge_window};
use crate::migration::{Baseline, Migration};
use crate::request::{Request, RequestKind, Window};
use crate::state::State;
use crate::store::{record, sum_of_all_builds};

/// Length of a window, and of a window without enough attempts.
const WINDOW: Duration = Duration::from_secs(10);
const LONGEST_WINDOW: Duration = Duration::from_secs(600);
/// Attempts that a short window needs.
const WINDOW_CALLS: u64 = 50;

/// Judges the windows of one module. Two judges of one module judge each window once: the record counts the windows.
#[derive(Debug)]
pub struct WindowJudge {
    /// Name of the process, for the history.
    name: String,
    open: Option<OpenWindow>,
    /// The stage that was seen last.
    entered: Option<u64>,
}

#[derive(Debug)]
struct OpenWindow {
    generation: u64,
    judged: u64,
    began: Instant,
    at_begin: BTreeMap<String, SideCounts>,
}

impl WindowJudge {
    /// A judge without an open window.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            open: None,
            entered: None,
        }
    }

    /// Looks at the evidence. Judges the open window if it is long enough, or if the candidate fails half of its calls, and
    /// begins the next one. Returns the outcome of a judgement.
    ///
    /// `cx`: bound to the lease of the judging process, so that a judge that was suspended cannot write afterwards.
    pub async fn look(
        &mut self,
        db: &Db,
        cx: &mut CallContext,
        module: &str,
        observation: &Observation,
        (now, at): (Timestamp, Instant),
    ) -> Result<Option<Step>, CallFailure> {
        let Some((record, counts)) = read(db, cx, module).await? else {
            self.open = None;
            return Ok(None);
        };
        let open = self.open.as_ref();
        let open = open.filter(|open| open.is_window_of(&record));
        let Some(open) = open else {
            // A stage that has begun since the last look is judged from its first attempt on.
            let is_new_stage = self.entered.is_some_and(|entered| entered < record.entered);
            let at_begin = if is_new_stage { BTreeMap::new() } else { counts };
            self.entered = Some(record.entered);
            self.open = Some(OpenWindow::new(&record, at, at_begin));
            return Ok(None);
        };
        let Some(harm) = open.judge(&record, &counts, at) else {
            return Ok(None);
        };
        let request = Request {
            operator: self.name.clone(),
            generation: None,
            kind: RequestKind::Window(Window {
                number: open.judged + 1,
                harm,
            }),
        };
        let applied = apply_request(db, cx, module, &request, observation, now).await?;
        self.open = None;
        let Ok(step) = applied else { return Ok(None) };
        // Attempts since this look belong to the next window.
        self.open = Some(OpenWindow::new(&step.migration, at, counts));
        Ok(Some(step))
    }
}

/// The record of a module on its way, and the attempts of all its candidates in this stage. A build that dies before it was judged
/// has done harm too.
async fn read(
    db: &Db,
    cx: &mut CallContext,
    module: &str,
) -> Result<Option<(Migration, BTreeMap<String, SideCounts>)>, CallFailure> {
    let mut read = db.read(cx).await?;
    let record = record(&mut read, module).await?;
    let Some(record) = record.filter(|record| record.started && record.state != State::Local) else {
        return Ok(None);
    };
    let evidence = sum_of_all_builds(&mut read, module, record.entered).await?;
    let counts = evidence
        .methods
        .into_iter()
        .map(|(name, method)| (name, method.candidate));
    Ok(Some((record, counts.collect())))
}

impl OpenWindow {
    fn new(record: &Migration, began: Instant, at_begin: BTreeMap<String, SideCounts>) -> Self {
        Self {
            generation: record.generation,
            judged: record.judged,
            began,
            at_begin,
        }
    }

    /// Whether the window goes on: no step and no judgement of another process has come since it began.
    fn is_window_of(&self, record: &Migration) -> bool {
        self.generation == record.generation && self.judged == record.judged
    }

    /// The judgement. `None` while the window goes on.
    fn judge(&self, record: &Migration, counts: &BTreeMap<String, SideCounts>, at: Instant) -> Option<Harm> {
        let attempts = self.since_begin(counts);
        let baseline = record.baseline.iter();
        let baseline = baseline.map(|(name, frozen)| (name.clone(), Baseline::failure_rate(frozen)));
        let harm = judge_window(&attempts, &baseline.collect());
        if matches!(harm, Harm::Emergency(_)) {
            return Some(harm);
        }
        let (calls, age): (u64, _) = (
            attempts.values().map(|counts| counts.calls).sum(),
            at.saturating_duration_since(self.began),
        );
        let is_complete = age >= WINDOW && calls >= WINDOW_CALLS || age >= LONGEST_WINDOW;
        is_complete.then_some(harm)
    }

    fn since_begin(&self, counts: &BTreeMap<String, SideCounts>) -> BTreeMap<String, SideCounts> {
        let since = |(name, now): (&String, &SideCounts)| {
            let before = self.at_begin.get(name).copied().unwrap_or_default();
            let counts = SideCounts {
                calls: now.calls.saturating_sub(before.calls),
                failed: now.failed.saturating_sub(before.failed),
                slow: now.slow.saturating_sub(before.slow),
                p99_us: now.p99_us,
            };
            (name.clone(), counts)
        };
        counts.iter().map(since).collect()
    }
}
