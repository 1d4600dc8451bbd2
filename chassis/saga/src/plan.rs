//! Plan of a saga: stages, steps, the pivot and the undo of each step, as a value. Knows no execution and no database.

use std::borrow::Cow;
use std::time::Duration;

use futures_util::future::BoxFuture;
use offshoot_contract::{CallContext, CallFailure};
use offshoot_db::Tx;

use crate::saga_module::{SagaModule, StepContext, StepError, Transition};

/// Default timeout of a step. A request with a timeout of 30 s has time left to answer that the saga is still pending.
const STEP_TIMEOUT: Duration = Duration::from_secs(10);

/// A step or the undo of a step: calls to other modules under the key of the step context. An action may be performed
/// again at any time, even after it has succeeded.
pub type Action<M> = for<'a> fn(
    &'a M,
    &'a mut CallContext,
    StepContext<'a, M>,
) -> BoxFuture<'a, Result<(), StepError<<M as SagaModule>::Reason>>>;

/// Writes the module's own rows in the transaction of the log, and changes the state accordingly.
pub type OnCommit<M> = for<'a, 't> fn(
    &'a M,
    &'a mut Tx<'t>,
    &'a mut <M as SagaModule>::State,
    &'a Transition,
) -> BoxFuture<'a, Result<(), CallFailure>>;

/// Like [`OnCommit`], with the reason of the undo.
pub type OnUndo<M> = for<'a, 't> fn(
    &'a M,
    &'a mut Tx<'t>,
    &'a mut <M as SagaModule>::State,
    &'a <M as SagaModule>::Reason,
    &'a Transition,
) -> BoxFuture<'a, Result<(), CallFailure>>;

/// One version of one kind of saga. A saga is resumed by the version that began the saga: a changed plan gets a new
/// version, and the old version stays in the code until none of its sagas is open.
pub struct Definition<M: SagaModule> {
    /// Name of the kind.
    pub kind: &'static str,
    /// Version, from 1.
    pub version: u32,
    /// A saga that has not passed its pivot within this time is undone. `None`: no limit.
    pub give_up_after: Option<Duration>,
    /// Builds the plan. Must return the same plan for the same stored state, at any time and in any process.
    pub plan: fn(&M::State) -> Plan<M>,
}

/// A sequence of stages with a pivot, and the module's own writes at the commits.
pub struct Plan<M: SagaModule> {
    pub(crate) stages: Vec<Stage<M>>,
    /// Number of completed stages from which on the saga cannot be undone.
    pub(crate) pivot: usize,
    pub(crate) on_undo: Option<OnUndo<M>>,
    pub(crate) on_end: Option<OnCommit<M>>,
}

/// Steps that are intended in one commit and completed in one commit.
pub struct Stage<M: SagaModule> {
    pub(crate) steps: Vec<Step<M>>,
    pub(crate) parallel: bool,
    pub(crate) undo_if_refused: bool,
    /// Name of the fault point after the commit that completes the stage, and the module's own writes in that commit.
    pub(crate) on_passed: Option<(&'static str, OnCommit<M>)>,
}

/// One effect in another module.
pub struct Step<M: SagaModule> {
    pub(crate) name: Cow<'static, str>,
    pub(crate) act: Action<M>,
    pub(crate) timeout: Duration,
    pub(crate) undo: Option<Undo<M>>,
}

pub(crate) struct Undo<M: SagaModule> {
    pub(crate) name: Cow<'static, str>,
    pub(crate) act: Action<M>,
    /// If set, this undo runs only if the step is known to be done, and then replaces the undo of this name.
    pub(crate) instead_of: Option<&'static str>,
}

impl<M: SagaModule> Step<M> {
    /// A step with a name that is unique among the steps of its subject.
    pub fn new(name: impl Into<Cow<'static, str>>, act: Action<M>) -> Self {
        Self {
            name: name.into(),
            act,
            timeout: STEP_TIMEOUT,
            undo: None,
        }
    }

    /// Sets the timeout. The outcome of a step that exceeds the timeout is unknown.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets the undo. The undo also runs if the outcome of the step is unknown, and must keep a late call of the
    /// step from taking effect.
    #[must_use]
    pub fn undone_by(mut self, name: impl Into<Cow<'static, str>>, act: Action<M>) -> Self {
        let name = name.into();
        self.undo = Some(Undo {
            name,
            act,
            instead_of: None,
        });
        self
    }

    /// Sets the undo for a step that is known to be done. Otherwise `instead_of`, the undo of an earlier step, runs.
    #[must_use]
    pub fn reversed_by(mut self, name: impl Into<Cow<'static, str>>, act: Action<M>, instead_of: &'static str) -> Self {
        let name = name.into();
        self.undo = Some(Undo {
            name,
            act,
            instead_of: Some(instead_of),
        });
        self
    }
}

impl<M: SagaModule> Stage<M> {
    /// A stage whose steps run in sequence: each step needs the step before.
    #[must_use]
    pub fn sequential(steps: impl IntoIterator<Item = Step<M>>) -> Self {
        Self {
            steps: steps.into_iter().collect(),
            parallel: false,
            undo_if_refused: false,
            on_passed: None,
        }
    }

    /// A stage whose steps run at the same time: no step needs another.
    #[must_use]
    pub fn parallel(steps: impl IntoIterator<Item = Step<M>>) -> Self {
        Self {
            parallel: true,
            ..Self::sequential(steps)
        }
    }

    /// Sets the module's own writes for the commit that completes the stage. `moment` names the fault point after that
    /// commit.
    #[must_use]
    pub fn on_passed(mut self, moment: &'static str, write: OnCommit<M>) -> Self {
        self.on_passed = Some((moment, write));
        self
    }

    /// Undoes the saga if a step of the stage is refused, even past the pivot.
    #[must_use]
    pub fn undo_if_refused(mut self) -> Self {
        self.undo_if_refused = true;
        self
    }
}

impl<M: SagaModule> Plan<M> {
    /// A plan of stages that can be undone.
    #[must_use]
    pub fn new(stages: impl IntoIterator<Item = Stage<M>>) -> Self {
        Self {
            stages: stages.into_iter().collect(),
            pivot: usize::MAX,
            on_undo: None,
            on_end: None,
        }
    }

    /// Sets the pivot, and adds the stages past the pivot: from the pivot on the saga is carried through.
    #[must_use]
    pub fn after_pivot(mut self, stages: impl IntoIterator<Item = Stage<M>>) -> Self {
        self.pivot = self.pivot.min(self.stages.len());
        self.stages.extend(stages);
        self
    }

    /// Sets the module's own writes for the commit that begins the undo.
    #[must_use]
    pub fn on_undo(mut self, write: OnUndo<M>) -> Self {
        self.on_undo = Some(write);
        self
    }

    /// Sets the module's own writes for the last commit, done or undone.
    #[must_use]
    pub fn on_end(mut self, write: OnCommit<M>) -> Self {
        self.on_end = Some(write);
        self
    }

    /// The steps of a stage; empty beyond the last stage.
    pub(crate) fn steps(&self, stage: usize) -> &[Step<M>] {
        self.stages.get(stage).map_or(&[], |stage| &stage.steps)
    }

    /// The step names of a stage, from stage 0; empty beyond the last stage.
    #[must_use]
    pub fn step_names(&self, stage: usize) -> Vec<String> {
        self.steps(stage).iter().map(|step| step.name.to_string()).collect()
    }
}
