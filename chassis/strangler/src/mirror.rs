//! Observer of one plan: counts the attempts, and checks a sample of the calls after their answers.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use offshoot_contract::{Attempt, Clock, MethodSpec, ObservedCall, TrialObserver};
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::time::Instant;

use crate::bracket::{Settled, comparable, compare, races};
use crate::budget::Budget;
use crate::difference::{fields, is_within};
use crate::findings::{class_of, is_ignored};
use crate::found::{Found, FoundQueue};
use crate::plan::{MemberAbilities, Mode, Plan};
use crate::redact::{is_replayable, redact};
use crate::stage::Stage;
use crate::tally::{MethodTally, Tally};

/// Characters of a text that names the changed field.
const MAX_ENCODING_TEXT: usize = 200;

/// Limits and results of the checks of one module: the same under all plans.
pub(crate) struct Checks {
    pub(crate) budget: Budget,
    pub(crate) found: FoundQueue,
    pub(crate) clock: Arc<dyn Clock>,
    /// Random: without the key nobody can guess a text by its hash.
    pub(crate) redaction_key: [u8; 32],
}

/// Observer of the calls under one plan.
pub(crate) struct Mirror {
    task: Arc<Task>,
    sample_per_mille: u16,
    /// Whether this process has both sides.
    compares: bool,
}

/// Parts of the mirror that a check keeps after the call.
struct Task {
    mode: Mode,
    stage: Arc<Stage>,
    checks: Arc<Checks>,
}

impl Mirror {
    pub(crate) fn new(plan: &Plan, abilities: MemberAbilities, stage: Arc<Stage>, checks: Arc<Checks>) -> Self {
        let mode = plan.mode;
        let compares = abilities.has_implementation && !matches!(mode, Mode::Local | Mode::Encoded);
        Self {
            task: Arc::new(Task { mode, stage, checks }),
            sample_per_mille: plan.sample_per_mille,
            compares,
        }
    }
}

impl TrialObserver for Mirror {
    fn attempt(&self, attempt: &Attempt) {
        self.task.count(attempt.method, |method| method.attempt(attempt));
    }

    fn wants(&self, _: usize, spec: &'static MethodSpec) -> bool {
        let budget = &self.task.checks.budget;
        match self.task.mode {
            Mode::Local => false,
            Mode::Encoded => budget.draws_sample(1_000),
            Mode::Shadow | Mode::Split | Mode::Remote => {
                self.compares && spec.class.may_mirror() && budget.draws_sample(self.sample_per_mille)
            }
        }
    }

    fn observe(&self, call: Box<dyn ObservedCall>) {
        let task = Arc::clone(&self.task);
        let permit = task.checks.budget.try_acquire();
        let (Some(permit), Ok(runtime)) = (permit, Handle::try_current()) else {
            task.drop_check(call.method());
            return;
        };
        let answered = Instant::now();
        drop(runtime.spawn(async move {
            let _permit = permit;
            if task.checks.budget.is_late(answered) {
                task.drop_check(call.method());
            } else {
                task.check(&*call).await;
            }
        }));
    }
}

impl Task {
    fn count(&self, method: usize, count: impl FnOnce(&MethodTally)) {
        self.stage.with_tally(|tally| tally.method(method).map(count));
    }

    fn drop_check(&self, method: usize) {
        self.count(method, |method| {
            method.dropped.fetch_add(1, Relaxed);
        });
    }

    async fn check(&self, call: &dyn ObservedCall) {
        // The counts of the build that is asked: another build may answer the next call.
        let tally = self.stage.tally();
        let Some(method) = tally.method(call.method()) else {
            return;
        };
        if self.mode == Mode::Encoded {
            self.check_encoding(call, &tally, method).await;
        } else if self.checks.budget.draws_race_check() {
            check_for_races(call, method).await;
        } else {
            self.check_answer(call, &tally, method).await;
        }
    }

    async fn check_encoding(&self, call: &dyn ObservedCall, tally: &Tally, method: &MethodTally) {
        let Some(result) = call.check_encoding().await else {
            return;
        };
        method.encoded.fetch_add(1, Relaxed);
        if let Err(changed) = result {
            method.encoding_failed.fetch_add(1, Relaxed);
            let changed: String = changed.chars().take(MAX_ENCODING_TEXT).collect();
            let class = format!("{} encoding: {changed}", call.spec().name);
            self.report(tally, class, Value::Null);
        }
    }

    async fn check_answer(&self, call: &dyn ObservedCall, tally: &Tally, method: &MethodTally) {
        let (name, now) = (call.spec().name, self.checks.clock.now());
        let rules = self.stage.rules();
        match compare(call, method, |found| is_ignored(&rules, name, found, now)).await {
            None => {
                method.unsettled.fetch_add(1, Relaxed);
            }
            Some(settled) => self.settle(call, tally, method, settled),
        }
    }

    fn settle(&self, call: &dyn ObservedCall, tally: &Tally, method: &MethodTally, settled: Settled) {
        if !settled.unstable.is_empty() {
            method.noise.fetch_add(1, Relaxed);
        }
        let classes: Vec<_> = settled.differences.iter().map(class_of).collect();
        if !classes.is_empty() {
            let sample = self.sample(call, &settled);
            for class in classes {
                self.report(tally, format!("{} {class}", call.spec().name), sample.clone());
            }
        }
        let is_ok = |outcome: &str| outcome == "ok";
        let mut findings = method.findings();
        if is_ok(settled.control.outcome.as_str()) && is_ok(settled.candidate.outcome.as_str()) {
            let mut covered = fields(&settled.control.value);
            // Without a path the whole answer is unstable.
            let is_unstable = |field: &str| {
                settled
                    .unstable
                    .iter()
                    .any(|path| path.is_empty() || is_within(path, field))
            };
            covered.retain(|field| !is_unstable(field));
            findings.covered(&covered);
        }
        findings.compared(settled.differences);
    }

    fn sample(&self, call: &dyn ObservedCall, settled: &Settled) -> Value {
        let key = &self.checks.redaction_key;
        let arguments = call.arguments();
        json!({
            "arguments": redact(&arguments, key),
            "replayable": is_replayable(&arguments),
            "control": redact(&comparable(&settled.control), key),
            "candidate": redact(&comparable(&settled.candidate), key),
        })
    }

    fn report(&self, tally: &Tally, class: String, sample: Value) {
        self.checks.found.push(Found {
            entered: self.stage.entered(),
            build: tally.build().to_owned(),
            class,
            at: self.checks.clock.now(),
            sample,
        });
    }
}

async fn check_for_races(call: &dyn ObservedCall, method: &MethodTally) {
    let Some(differs) = races(call).await else {
        method.unsettled.fetch_add(1, Relaxed);
        return;
    };
    method.race_checks.fetch_add(1, Relaxed);
    if differs {
        method.races.fetch_add(1, Relaxed);
    }
}
