//! Performs the steps of a stage, in sequence or in parallel, each within its timeout. Knows no database.

use std::time::Duration;

use futures_util::future::join_all;
use offshoot_contract::{CallContext, CallFailure, FailureKind, fault_point};
use tokio::time::{Instant, timeout_at};

use crate::execution::Execution;
use crate::outcome::Outcome;
use crate::plan::Action;
use crate::saga_module::{SagaModule, StepContext, StepError};

/// One action to perform: a step or an undo.
pub(crate) struct Job<'a, M: SagaModule> {
    pub(crate) name: &'a str,
    pub(crate) act: Action<M>,
    pub(crate) timeout: Duration,
}

/// Performs the steps of the execution's current stage.
pub(crate) async fn perform_stage<M: SagaModule>(
    module: &M,
    cx: &CallContext,
    execution: &Execution<M>,
) -> Vec<Outcome<M::Reason>> {
    let steps = execution.plan.steps(execution.stage).iter();
    let jobs: Vec<_> = steps
        .map(|step| Job {
            name: &step.name,
            act: step.act,
            timeout: step.timeout,
        })
        .collect();
    if execution
        .plan
        .stages
        .get(execution.stage)
        .is_some_and(|stage| stage.parallel)
    {
        join_all(jobs.iter().map(|job| perform(module, cx, execution, job))).await
    } else {
        perform_in_sequence(module, cx, execution, &jobs).await
    }
}

/// Performs jobs in sequence until one does not succeed.
pub(crate) async fn perform_in_sequence<M: SagaModule>(
    module: &M,
    cx: &CallContext,
    execution: &Execution<M>,
    jobs: &[Job<'_, M>],
) -> Vec<Outcome<M::Reason>> {
    let mut outcomes = Vec::with_capacity(jobs.len());
    for job in jobs {
        let succeeded_so_far = outcomes.last().is_none_or(Outcome::is_done);
        outcomes.push(if succeeded_so_far {
            perform(module, cx, execution, job).await
        } else {
            Outcome::NotBegun
        });
    }
    outcomes
}

async fn perform<M: SagaModule>(
    module: &M,
    cx: &CallContext,
    execution: &Execution<M>,
    job: &Job<'_, M>,
) -> Outcome<M::Reason> {
    let name = job.name;
    let step = StepContext {
        state: &execution.state,
        subject: &execution.subject,
        step: name,
    };
    let mut fork = cx.fork();
    fault_point(&format!("before-{name}")).await;
    let limit = Instant::now() + job.timeout;
    let result = if limit < fork.deadline() {
        fork.cap_deadline(limit);
        let timed_out = || {
            let message = format!("step {name} timed out after {:?}", job.timeout);
            StepError::Retryable(CallFailure::maybe_executed(FailureKind::Timeout, message))
        };
        let acted = timeout_at(limit, (job.act)(module, &mut fork, step)).await;
        acted.unwrap_or_else(|_| Err(timed_out()))
    } else {
        // The call's deadline is earlier than the step's timeout and ends this execution.
        (job.act)(module, &mut fork, step).await
    };
    fault_point(&format!("after-{name}")).await;
    match result {
        Ok(()) => Outcome::Done,
        Err(StepError::Refused(reason)) => Outcome::Refused(reason),
        Err(StepError::Retryable(failure)) => Outcome::Retryable(failure),
    }
}
