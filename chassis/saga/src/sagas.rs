//! The sagas of one module: begun in its own transaction, found, taken over.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use offshoot_contract::{CallFailure, Clock, Timestamp};
use offshoot_db::{Db, Queries, Tx};

use crate::execution::Execution;
use crate::log::{self, Head, Standing};
use crate::owner::Owner;
use crate::plan::Definition;

/// How long a saga is left alone after the first vain attempt; doubles with each.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// Soon enough after an outage of hours.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// With the pauses above about a quarter of an hour: what still answers nonsense then needs a person.
const ATTEMPTS: u32 = 20;

/// What can be set about sagas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SagaSettings {
    /// How long an execution that says nothing is left alone before another takes its saga over.
    pub lease: Duration,
    /// The pause after the first vain attempt to take one up.
    pub first_pause: Duration,
    /// The longest pause.
    pub longest_pause: Duration,
    /// Vain attempts in a row after which it is stuck. Those that only found nobody there count, and never make it stuck.
    pub attempts: u32,
}

impl Default for SagaSettings {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(30),
            first_pause: FIRST_PAUSE,
            longest_pause: LONGEST_PAUSE,
            attempts: ATTEMPTS,
        }
    }
}

/// The sagas of one module, in its own database.
pub struct Sagas<O: Owner> {
    pub(crate) db: Db,
    clock: Arc<dyn Clock>,
    pub(crate) settings: SagaSettings,
    pub(crate) definitions: Vec<Definition<O>>,
    /// Unknown definitions that were reported, so that each is told once.
    pub(crate) reported: Mutex<BTreeSet<String>>,
}

impl<O: Owner> Sagas<O> {
    /// `definitions`: every version of every kind that may be under way.
    #[must_use]
    pub fn new(db: Db, clock: Arc<dyn Clock>, settings: SagaSettings, definitions: Vec<Definition<O>>) -> Self {
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

    fn definition(&self, kind: &str, version: i64) -> Option<&Definition<O>> {
        let mut known = self.definitions.iter();
        known.find(|known| known.kind == kind && i64::from(known.version) == version)
    }

    /// Writes a new saga down, as `subject.name`, with its first steps, which are to be carried out by
    /// [`run`](Self::run) after the commit. None if one about the subject is under way, or this one was begun before.
    pub async fn begin(
        &self,
        tx: &mut Tx<'_>,
        definition: &Definition<O>,
        subject: &str,
        name: &str,
        work: O::Work,
    ) -> Result<Option<Execution<O>>, CallFailure> {
        let now = self.now();
        if self.definition(definition.kind, definition.version.into()).is_none() {
            let what = format!(
                "{}, version {}, is not among the definitions",
                definition.kind, definition.version
            );
            return Err(CallFailure::internal(what));
        }
        let plan = (definition.plan)(&work);
        let mut run = Execution {
            id: saga_id(subject, name),
            subject: subject.to_owned(),
            attempt: 0,
            tries: 0,
            stage: 0,
            undoing: false,
            undo_asked: false,
            give_up_at: definition.within.map(|within| now.plus(within)),
            open: Vec::new(),
            written: 0,
            fresh: true,
            plan,
            work,
        };
        let open = run.plan.names(0);
        let head = Head {
            data: log::json(&O::data(&run.work))?,
            due_at: Some(now.plus(self.settings.lease)),
            ..Head::of(&run, now)
        };
        let kind = (definition.kind, definition.version);
        if !log::begin(tx, &head, subject, kind, run.give_up_at).await? {
            return Ok(None);
        }
        log::intend(tx, &run.id, 0, open.iter().map(|step| (step, None)), now).await?;
        run.now_open(open);
        Ok(Some(run))
    }

    /// Who works on the saga `subject.name`; none if it was never begun.
    pub async fn find(&self, db: &mut Queries, subject: &str, name: &str) -> Result<Option<Standing>, CallFailure> {
        log::find(db, &saga_id(subject, name)).await
    }

    /// Whether a saga about this subject is under way, or stuck.
    pub async fn is_under_way(&self, db: &mut Queries, subject: &str) -> Result<bool, CallFailure> {
        log::is_under_way(db, subject).await
    }

    /// Makes a saga that is due this execution's own. None if somebody else was quicker. An error leaves it as it is.
    pub async fn take_over(
        &self,
        owner: &O,
        tx: &mut Tx<'_>,
        standing: &Standing,
    ) -> Result<Option<Execution<O>>, CallFailure> {
        self.take(owner, tx, &standing.id, standing.attempt).await
    }

    pub(crate) async fn take(
        &self,
        owner: &O,
        tx: &mut Tx<'_>,
        id: &str,
        attempt: i64,
    ) -> Result<Option<Execution<O>>, CallFailure> {
        let now = self.now();
        let until = now.plus(self.settings.lease);
        let Some(found) = log::take_over(tx, id, attempt, now, until).await? else {
            return Ok(None);
        };
        let definition = self.definition(&found.kind, found.version).ok_or_else(|| {
            let what = format!(
                "{id} is a {}, version {}, which is unknown here",
                found.kind, found.version
            );
            CallFailure::internal(what)
        })?;
        let data = log::from_json(id, &found.data)?;
        let work = owner.load(tx, &found.subject, data).await?;
        let logged = log::of_saga(tx, id).await?;
        let open = logged.iter().filter(|step| step.is_open());
        let run = Execution {
            id: id.to_owned(),
            subject: found.subject,
            attempt: attempt + 1,
            tries: found.tries,
            stage: usize::try_from(found.stage).unwrap_or(usize::MAX),
            undoing: found.undoing,
            undo_asked: found.undo_asked,
            give_up_at: found.give_up_at,
            open: open.map(|step| step.step.clone()).collect(),
            written: i64::try_from(logged.len()).unwrap_or(i64::MAX),
            fresh: false,
            plan: (definition.plan)(&work),
            work,
        };
        if !run.undoing && run.open != run.plan.names(run.stage) {
            return Err(does_not_fit(id, &run.open.join(", ")));
        }
        Ok(Some(run))
    }
}

pub(crate) fn saga_id(subject: &str, name: &str) -> String {
    format!("{subject}.{name}")
}

/// A log that the plan of its version does not have.
pub(crate) fn does_not_fit(id: &str, steps: &str) -> CallFailure {
    let what =
        format!("the log of {id} intends [{steps}], which its definition does not: was it changed and not versioned?");
    CallFailure::internal(what)
}
