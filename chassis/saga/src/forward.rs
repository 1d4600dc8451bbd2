//! Executes a saga stage by stage. One commit records the outcomes of a stage, the intents of the next stage and the
//! module's own rows. Only the holder of the lease writes.

use offshoot_contract::{CallContext, CallFailure, fault_point};

use crate::execution::{Execution, Halt};
use crate::log::update::{SagaUpdate, is_undo_requested, update_saga};
use crate::log::{self, steps};
use crate::outcome::{Outcome, first_retryable};
use crate::perform;
use crate::saga_module::{SagaModule, Transition};
use crate::sagas::Sagas;
use crate::status::SagaStatus;

/// Result of committing a stage.
enum StageCommit {
    NextStage,
    Ended,
    /// Nothing was written: an operator has requested the undo.
    UndoRequested,
}

impl<M: SagaModule> Sagas<M> {
    /// Executes the saga to its end, done or undone: afterwards [`Execution::is_undoing`] is true for an undone saga.
    ///
    /// A saga that is done ends in the call's last transaction, together with the call's answer. A saga that is undone
    /// ends in an earlier transaction, because the caller receives an error.
    pub async fn run_to_end(&self, module: &M, cx: &mut CallContext, execution: &mut Execution<M>) -> Result<(), Halt> {
        while !execution.undoing {
            if self.must_undo(execution) {
                let outcomes: Vec<_> = execution.open_steps.iter().map(|_| Outcome::NotBegun).collect();
                self.begin_undo(module, cx, execution, &M::interrupted(), &outcomes)
                    .await?;
                continue;
            }
            let outcomes = perform::perform_stage(module, cx, execution).await;
            if let Some(reason) = outcomes.iter().find_map(Outcome::refusal) {
                self.handle_refusal(module, cx, execution, reason, &outcomes).await?;
                continue;
            }
            if let Some((index, failure)) = first_retryable(&outcomes) {
                let step = execution.open_steps.get(index).cloned();
                return Err(Halt::Retryable { step, failure });
            }
            match self.commit_stage(module, cx, execution).await? {
                StageCommit::NextStage => {}
                StageCommit::Ended => return Ok(()),
                StageCommit::UndoRequested => {
                    self.begin_undo(module, cx, execution, &M::interrupted(), &outcomes)
                        .await?;
                }
            }
        }
        self.finish_undo(module, cx, execution).await
    }

    fn must_undo(&self, execution: &Execution<M>) -> bool {
        let overdue = execution.give_up_at.is_some_and(|at| at <= self.now());
        !execution.is_pivoted() && (overdue || execution.undo_asked)
    }

    /// Begins the undo, or halts if the plan permits no undo past the pivot.
    async fn handle_refusal(
        &self,
        module: &M,
        cx: &mut CallContext,
        execution: &mut Execution<M>,
        reason: &M::Reason,
        outcomes: &[Outcome<M::Reason>],
    ) -> Result<(), Halt> {
        let stage = execution.plan.stages.get(execution.stage);
        let undo_if_refused = stage.is_some_and(|stage| stage.undo_if_refused);
        if !execution.is_pivoted() || undo_if_refused {
            return self.begin_undo(module, cx, execution, reason, outcomes).await;
        }
        let index = outcomes.iter().position(|outcome| outcome.refusal().is_some());
        Err(Halt::Retryable {
            step: index.and_then(|index| execution.open_steps.get(index).cloned()),
            failure: CallFailure::internal(format!("the step was refused past the point of no return: {reason:?}")),
        })
    }

    /// Commits the outcomes of the current stage and the intents of the next stage.
    async fn commit_stage(
        &self,
        module: &M,
        cx: &mut CallContext,
        execution: &mut Execution<M>,
    ) -> Result<StageCommit, Halt> {
        let now = self.now();
        let last = execution.is_last_stage();
        let next = execution.stage + 1;
        let transition = Transition {
            at: now,
            open_steps: execution.plan.step_names(next),
        };
        let mut state = execution.state.clone();
        let mut tx = self.db.begin(cx).await?;
        let update = SagaUpdate {
            status: if last { SagaStatus::Done } else { SagaStatus::Running },
            stage: next,
            pivoted: next >= execution.plan.pivot,
            due_at: (!last).then(|| now.plus(self.settings.lease)),
            data: log::to_json(&M::to_stored(&state))?,
            ..SagaUpdate::from_execution(execution, now)
        };
        if !update_saga(&mut tx, &update, !execution.is_pivoted()).await? {
            if is_undo_requested(&mut tx, execution).await? {
                execution.undo_asked = true;
                return Ok(StageCommit::UndoRequested);
            }
            return Err(Halt::TakenOver);
        }
        steps::complete_open_steps(&mut tx, &execution.id, now).await?;
        steps::insert_intents(
            &mut tx,
            &execution.id,
            execution.logged_steps,
            transition.open_steps.iter().map(|step| (step, None)),
            now,
        )
        .await?;
        let stage = execution.plan.stages.get(execution.stage);
        let on_passed = stage.and_then(|stage| stage.on_passed);
        if let Some((_, write)) = on_passed {
            write(module, &mut tx, &mut state, &transition).await?;
        }
        if last {
            if let Some(write) = execution.plan.on_end {
                write(module, &mut tx, &mut state, &transition).await?;
            }
            tx.commit(M::answer(&state)).await?;
            execution.state = state;
            fault_point("finished").await;
            return Ok(StageCommit::Ended);
        }
        tx.commit_part().await?;
        execution.state = state;
        execution.stage = next;
        execution.set_open_steps(transition.open_steps);
        if let Some((moment, _)) = on_passed {
            fault_point(moment).await;
        }
        Ok(StageCommit::NextStage)
    }
}
