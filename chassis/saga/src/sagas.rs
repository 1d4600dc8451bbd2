//! The sagas of one module: begins a saga in the module's own transaction, finds sagas, and takes sagas over.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use offshoot_contract::{CallFailure, Clock, Timestamp};
use offshoot_db::{Db, Queries, Tx};

use crate::execution::Execution;
use crate::log::lease::SagaProgress;
use crate::log::update::{SagaUpdate, insert_saga};
use crate::log::{self, lease, steps};
use crate::plan::Definition;
use crate::saga_module::SagaModule;

/// Default time without progress after which another process takes a saga over.
const LEASE: Duration = Duration::from_secs(30);
/// Pause after the first failed attempt to resume a saga. Doubles with each further failed attempt.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// Longest pause: after an outage of hours, sagas continue within a minute.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Failed attempts until a saga is stuck. With the pauses above about a quarter of an hour: a module that still answers
/// wrongly then needs an operator.
const ATTEMPTS: u32 = 20;

/// Settings of the sagas of one module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SagaSettings {
    /// Lease of an execution: after this time without a commit another execution may take the saga over.
    pub lease: Duration,
    /// Pause after the first failed attempt to resume a saga.
    pub first_pause: Duration,
    /// Longest pause between attempts.
    pub longest_pause: Duration,
    /// Consecutive failed attempts after which a saga is stuck. Attempts that failed because a module was unavailable
    /// count, but never make a saga stuck.
    pub attempts: u32,
}

impl Default for SagaSettings {
    fn default() -> Self {
        Self {
            lease: LEASE,
            first_pause: FIRST_PAUSE,
            longest_pause: LONGEST_PAUSE,
            attempts: ATTEMPTS,
        }
    }
}

/// The sagas of one module, in the module's own database.
pub struct Sagas<M: SagaModule> {
    pub(crate) db: Db,
    clock: Arc<dyn Clock>,
    pub(crate) settings: SagaSettings,
    pub(crate) definitions: Vec<Definition<M>>,
    /// Unknown definitions that were logged already: each definition is logged once.
    pub(crate) reported: Mutex<BTreeSet<String>>,
}

impl<M: SagaModule> Sagas<M> {
    /// The sagas in `db`. `definitions` must have every version of every kind that an open saga may have.
    #[must_use]
    pub fn new(db: Db, clock: Arc<dyn Clock>, settings: SagaSettings, definitions: Vec<Definition<M>>) -> Self {
        Self {
            db,
            clock,
            settings,
            definitions,
            reported: Mutex::default(),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn definition(&self, kind: &str, version: i64) -> Option<&Definition<M>> {
        let mut known = self.definitions.iter();
        known.find(|known| known.kind == kind && i64::from(known.version) == version)
    }

    /// Inserts a new saga with the id `subject.name` and the intents of its first stage. After the commit the caller
    /// executes the saga with [`run_to_end`](Self::run_to_end). Returns None if a saga about the subject is open, or if
    /// this saga was begun before.
    pub async fn begin(
        &self,
        tx: &mut Tx<'_>,
        definition: &Definition<M>,
        subject: &str,
        name: &str,
        state: M::State,
    ) -> Result<Option<Execution<M>>, CallFailure> {
        let now = self.now();
        if self.definition(definition.kind, definition.version.into()).is_none() {
            let message = format!(
                "saga definition {}, version {}, is not registered in this process",
                definition.kind, definition.version
            );
            return Err(CallFailure::internal(message));
        }
        let plan = (definition.plan)(&state);
        let mut execution = Execution {
            id: saga_id(subject, name),
            subject: subject.to_owned(),
            attempt: 0,
            tries: 0,
            stage: 0,
            undoing: false,
            undo_asked: false,
            give_up_at: definition.give_up_after.map(|time| now.plus(time)),
            open_steps: Vec::new(),
            logged_steps: 0,
            fresh: true,
            plan,
            state,
        };
        let open_steps = execution.plan.step_names(0);
        let update = SagaUpdate {
            data: log::to_json(&M::to_stored(&execution.state))?,
            due_at: Some(now.plus(self.settings.lease)),
            ..SagaUpdate::from_execution(&execution, now)
        };
        let kind = (definition.kind, definition.version);
        if !insert_saga(tx, &update, subject, kind, execution.give_up_at).await? {
            return Ok(None);
        }
        let intents = open_steps.iter().map(|step| (step, None));
        steps::insert_intents(tx, &execution.id, 0, intents, now).await?;
        execution.set_open_steps(open_steps);
        Ok(Some(execution))
    }

    /// Progress of the saga `subject.name`. None if the saga was never begun.
    pub async fn find(&self, db: &mut Queries, subject: &str, name: &str) -> Result<Option<SagaProgress>, CallFailure> {
        lease::find_saga(db, &saga_id(subject, name)).await
    }

    /// Whether a saga about this subject is open: running, waiting or stuck.
    pub async fn has_open_saga(&self, db: &mut Queries, subject: &str) -> Result<bool, CallFailure> {
        lease::has_open_saga(db, subject).await
    }

    /// Takes the lease of a due saga. Returns None if another execution was faster. On an error the caller must not commit
    /// `tx`, so that nothing changes.
    pub async fn take_over(
        &self,
        module: &M,
        tx: &mut Tx<'_>,
        progress: &SagaProgress,
    ) -> Result<Option<Execution<M>>, CallFailure> {
        self.take_over_attempt(module, tx, &progress.id, progress.attempt).await
    }

    pub(crate) async fn take_over_attempt(
        &self,
        module: &M,
        tx: &mut Tx<'_>,
        id: &str,
        attempt: i64,
    ) -> Result<Option<Execution<M>>, CallFailure> {
        let now = self.now();
        let until = now.plus(self.settings.lease);
        let Some(found) = lease::take_over(tx, id, attempt, now, until).await? else {
            return Ok(None);
        };
        let definition = self.definition(&found.kind, found.version).ok_or_else(|| {
            let message = format!(
                "saga {id} has the definition {}, version {}, which this process does not know",
                found.kind, found.version
            );
            CallFailure::internal(message)
        })?;
        let stored = log::from_json(id, &found.data)?;
        let state = module.load(tx, &found.subject, stored).await?;
        let logged = steps::steps_of_saga(tx, id).await?;
        let open_steps = logged.iter().filter(|step| step.is_open());
        let execution = Execution {
            id: id.to_owned(),
            subject: found.subject,
            attempt: attempt + 1,
            tries: found.tries,
            stage: usize::try_from(found.stage).unwrap_or(usize::MAX),
            undoing: found.undoing,
            undo_asked: found.undo_asked,
            give_up_at: found.give_up_at,
            open_steps: open_steps.map(|step| step.step.clone()).collect(),
            logged_steps: i64::try_from(logged.len()).unwrap_or(i64::MAX),
            fresh: false,
            plan: (definition.plan)(&state),
            state,
        };
        if !execution.undoing && execution.open_steps != execution.plan.step_names(execution.stage) {
            return Err(log_mismatch(id, &execution.open_steps.join(", ")));
        }
        Ok(Some(execution))
    }
}

pub(crate) fn saga_id(subject: &str, name: &str) -> String {
    format!("{subject}.{name}")
}

/// Failure of a saga with intents in the log that the plan of the saga's version does not have.
pub(crate) fn log_mismatch(id: &str, steps: &str) -> CallFailure {
    let message = format!(
        "the log of saga {id} intends the steps [{steps}], but the plan of the saga's version does not: give a changed \
         plan a new version"
    );
    CallFailure::internal(message)
}
