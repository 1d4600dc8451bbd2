//! Undoes a saga. The first commit records the reason and the undo steps, so that every later execution undoes the same
//! steps. Then the undo steps are performed, the last step's first.

use offshoot_contract::{CallContext, CallFailure};

use crate::execution::{Execution, Halt};
use crate::log::update::{SagaUpdate, update_saga};
use crate::log::{self, steps};
use crate::outcome::{Outcome, first_retryable, undo_steps};
use crate::perform::{self, Job};
use crate::plan::Undo;
use crate::saga_module::{SagaModule, Transition};
use crate::sagas::{Sagas, log_mismatch};
use crate::status::SagaStatus;

impl<M: SagaModule> Sagas<M> {
    /// Commits the decision to undo and the undo steps. Ends the saga if there is nothing to undo.
    pub(crate) async fn begin_undo(
        &self,
        module: &M,
        cx: &mut CallContext,
        execution: &mut Execution<M>,
        reason: &M::Reason,
        outcomes: &[Outcome<M::Reason>],
    ) -> Result<(), Halt> {
        let now = self.now();
        let undo_steps = undo_steps(&execution.plan, execution.stage, outcomes, execution.fresh);
        let transition = Transition {
            at: now,
            open_steps: undo_steps.iter().map(|step| step.undo.name.to_string()).collect(),
        };
        let ended = undo_steps.is_empty();
        let mut state = execution.state.clone();
        let mut tx = self.db.begin(cx).await?;
        let update = SagaUpdate {
            status: if ended { SagaStatus::Undone } else { SagaStatus::Running },
            undoing: true,
            due_at: (!ended).then(|| now.plus(self.settings.lease)),
            data: log::to_json(&M::to_stored(&state))?,
            ..SagaUpdate::from_execution(execution, now)
        };
        if !update_saga(&mut tx, &update, false).await? {
            return Err(Halt::TakenOver);
        }
        for (step, outcome) in execution.open_steps.iter().zip(outcomes) {
            steps::record_outcome(&mut tx, &execution.id, step, outcome, now).await?;
        }
        let intents = undo_steps.iter().map(|step| (&step.undo.name, Some(&step.undoes.name)));
        steps::insert_intents(&mut tx, &execution.id, execution.logged_steps, intents, now).await?;
        if let Some(write) = execution.plan.on_undo {
            write(module, &mut tx, &mut state, reason, &transition).await?;
        }
        if let Some(write) = execution.plan.on_end.filter(|_| ended) {
            write(module, &mut tx, &mut state, &transition).await?;
        }
        tx.commit_part().await?;
        execution.state = state;
        execution.undoing = true;
        execution.set_open_steps(transition.open_steps);
        Ok(())
    }

    /// Performs the open undo steps and commits the end of the saga. Returns at once if no step is open.
    pub(crate) async fn finish_undo(
        &self,
        module: &M,
        cx: &mut CallContext,
        execution: &mut Execution<M>,
    ) -> Result<(), Halt> {
        if execution.open_steps.is_empty() {
            return Ok(());
        }
        let outcomes = perform::perform_in_sequence(module, cx, execution, &undo_jobs(execution)?).await;
        if let Some((index, failure)) = first_retryable(&outcomes) {
            let step = execution.open_steps.get(index).cloned();
            return Err(Halt::Retryable { step, failure });
        }
        if let Some(index) = outcomes.iter().position(|outcome| outcome.refusal().is_some()) {
            let message = format!("the undo of a step was refused: {:?}", outcomes[index].refusal());
            return Err(Halt::Retryable {
                step: execution.open_steps.get(index).cloned(),
                failure: CallFailure::internal(message),
            });
        }
        let now = self.now();
        let transition = Transition {
            at: now,
            open_steps: Vec::new(),
        };
        let mut state = execution.state.clone();
        let mut tx = self.db.begin(cx).await?;
        let update = SagaUpdate {
            status: SagaStatus::Undone,
            due_at: None,
            data: log::to_json(&M::to_stored(&state))?,
            ..SagaUpdate::from_execution(execution, now)
        };
        if !update_saga(&mut tx, &update, false).await? {
            return Err(Halt::TakenOver);
        }
        steps::complete_open_steps(&mut tx, &execution.id, now).await?;
        if let Some(write) = execution.plan.on_end {
            write(module, &mut tx, &mut state, &transition).await?;
        }
        tx.commit_part().await?;
        execution.state = state;
        execution.open_steps.clear();
        Ok(())
    }
}

/// The open undo steps as jobs, found in the plan by the names in the log.
fn undo_jobs<M: SagaModule>(execution: &Execution<M>) -> Result<Vec<Job<'_, M>>, CallFailure> {
    let steps = execution.plan.stages.iter().flat_map(|stage| &stage.steps);
    let undos: Vec<_> = steps
        .filter_map(|step| step.undo.as_ref().map(|undo| (step.timeout, undo)))
        .collect();
    let find = |name: &String| {
        let found = undos.iter().find(|(_, undo): &&(_, &Undo<M>)| undo.name == *name);
        let (timeout, undo) = found.ok_or_else(|| log_mismatch(&execution.id, name))?;
        Ok(Job {
            name: &undo.name,
            act: undo.act,
            timeout: *timeout,
        })
    };
    execution.open_steps.iter().map(find).collect()
}
