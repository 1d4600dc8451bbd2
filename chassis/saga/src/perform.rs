//! Does the steps of a stage, one after the other or at the same time, each within its own time. Knows no database.

use futures_util::future::join_all;
use offshoot_contract::{CallContext, CallFailure, FailureKind, fault_point};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

use crate::execution::Execution;
use crate::outcome::Outcome;
use crate::owner::{Owner, Setback, Turn};
use crate::plan::Action;

/// One call to be made.
pub(crate) struct Job<'a, O: Owner> {
    pub(crate) name: &'a str,
    pub(crate) act: Action<O>,
    pub(crate) timeout: Duration,
}

/// The steps of the stage where the execution stands.
pub(crate) async fn stage<O: Owner>(owner: &O, cx: &CallContext, run: &Execution<O>) -> Vec<Outcome<O::Reason>> {
    let steps = run.plan.steps(run.stage).iter();
    let jobs: Vec<_> = steps
        .map(|step| Job {
            name: &step.name,
            act: step.act,
            timeout: step.timeout,
        })
        .collect();
    if run.plan.stages.get(run.stage).is_some_and(|stage| stage.together) {
        join_all(jobs.iter().map(|job| one(owner, cx, run, job))).await
    } else {
        in_turn(owner, cx, run, &jobs).await
    }
}

/// Until one does not succeed.
pub(crate) async fn in_turn<O: Owner>(
    owner: &O,
    cx: &CallContext,
    run: &Execution<O>,
    jobs: &[Job<'_, O>],
) -> Vec<Outcome<O::Reason>> {
    let mut outcomes = Vec::with_capacity(jobs.len());
    for job in jobs {
        let goes_on = outcomes.last().is_none_or(Outcome::is_done);
        outcomes.push(if goes_on {
            one(owner, cx, run, job).await
        } else {
            Outcome::NotBegun
        });
    }
    outcomes
}

async fn one<O: Owner>(owner: &O, cx: &CallContext, run: &Execution<O>, job: &Job<'_, O>) -> Outcome<O::Reason> {
    let name = job.name;
    let turn = Turn {
        work: &run.work,
        subject: &run.subject,
        step: name,
    };
    let mut fork = cx.fork();
    fault_point(&format!("before-{name}")).await;
    let limit = Instant::now() + job.timeout;
    let result = if limit < fork.deadline() {
        fork.end_by(limit);
        let late = || {
            let what = format!("{name} was not done within {:?}", job.timeout);
            Setback::Trouble(CallFailure::maybe_executed(FailureKind::Timeout, what))
        };
        let acted = timeout_at(limit, (job.act)(owner, &mut fork, turn)).await;
        acted.unwrap_or_else(|_| Err(late()))
    } else {
        // The call ends first, and with it this execution.
        (job.act)(owner, &mut fork, turn).await
    };
    fault_point(&format!("after-{name}")).await;
    match result {
        Ok(()) => Outcome::Done,
        Err(Setback::Refused(reason)) => Outcome::Refused(reason),
        Err(Setback::Trouble(failure)) => Outcome::Trouble(failure),
    }
}
