//! What operators see of a module's sagas, and how they push one. Needs no definition, so it works on the sagas of any
//! module and version.

use offshoot_contract::{CallFailure, Timestamp};
use offshoot_db::{List, Queries, Tx, sql};
use serde::Serialize;

use crate::state::State;

/// Which sagas are listed.
#[derive(Debug, Clone)]
pub struct Filter {
    /// In one of these states.
    pub states: Vec<State>,
    /// At most so many, the oldest first.
    pub limit: u32,
}

/// One saga.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct SagaRow {
    /// Subject and name.
    pub id: String,
    /// Which definition.
    pub kind: String,
    /// Which version of it.
    pub version: i64,
    /// As [`State`] has it.
    pub state: String,
    /// Whether it takes back what it did.
    pub undoing: bool,
    /// Whether it can only go on.
    pub pivoted: bool,
    /// Whether an operator wants it undone.
    pub undo_asked: bool,
    /// The open step that failed, or the first one that is open.
    pub step: Option<String>,
    /// How often it was taken up after its first execution.
    pub attempt: i64,
    /// How many of the last attempts were in vain.
    pub tries: i64,
    /// Until when it is somebody's, or when it is tried again.
    pub due_at: Option<Timestamp>,
    /// When it is undone unless it has passed its point of no return.
    pub give_up_at: Option<Timestamp>,
    /// Why the last attempt was in vain.
    pub failure: Option<String>,
    /// When it was begun.
    pub started_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// One step of a saga.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct StepRow {
    /// Its name.
    pub step: String,
    /// The step that it takes back.
    pub undoes: Option<String>,
    /// `intended`, `done`, `refused` or `dropped`.
    pub state: String,
    /// Vain attempts.
    pub tries: i64,
    /// Why the last was in vain, or why it was refused.
    pub failure: Option<String>,
    /// When it was written down.
    pub intended_at: Timestamp,
    /// When its outcome was.
    pub ended_at: Option<Timestamp>,
}

/// Why an operator's wish is not granted.
#[derive(Debug, thiserror::Error)]
pub enum OperateError {
    /// Nothing of this name.
    #[error("there is no saga {id}")]
    Unknown {
        /// What was asked for.
        id: String,
    },
    /// There is nothing left to push.
    #[error("{id} is {state}: {}", state.means())]
    Over {
        /// Which.
        id: String,
        /// `Done` or `Undone`.
        state: State,
    },
    /// It needs no push.
    #[error("{id} is being carried on right now; if that breaks off, somebody takes it up at {until}")]
    Running {
        /// Which.
        id: String,
        /// When its lease runs out.
        until: Timestamp,
    },
    /// It can only go on.
    #[error("{id} has passed its point of no return and can only be carried on; `retry` makes it due now")]
    NoWayBack {
        /// Which.
        id: String,
    },
    /// That is what it does.
    #[error("{id} is being undone already; `retry` makes it due now")]
    Undoing {
        /// Which.
        id: String,
    },
    /// The database did not answer.
    #[error(transparent)]
    Call(#[from] CallFailure),
}

/// Sagas in certain states, the oldest first.
pub async fn list(db: &mut Queries, filter: &Filter) -> Result<Vec<SagaRow>, CallFailure> {
    let sql = sql!(
        sqlite: "SELECT id, kind, version, CASE WHEN undoing AND state IN ('running', 'waiting') THEN 'compensating' \
                 ELSE state END AS state, undoing, pivoted, undo_asked, (SELECT step FROM offshoot_saga_steps \
                 WHERE saga = s.id AND state = 'intended' ORDER BY failure IS NULL, position LIMIT 1) AS step, \
                 attempt, tries, due_at, give_up_at, failure, started_at, updated_at FROM offshoot_sagas s \
                 WHERE CASE WHEN undoing AND state IN ('running', 'waiting') THEN 'compensating' ELSE state END \
                 IN (SELECT value FROM json_each($1)) ORDER BY started_at, id LIMIT $2",
        postgres: "SELECT id, kind, version, CASE WHEN undoing AND state IN ('running', 'waiting') THEN 'compensating' \
                   ELSE state END AS state, undoing, pivoted, undo_asked, (SELECT step FROM offshoot_saga_steps \
                   WHERE saga = s.id AND state = 'intended' ORDER BY failure IS NULL, position LIMIT 1) AS step, \
                   attempt, tries, due_at, give_up_at, failure, started_at, updated_at FROM offshoot_sagas s \
                   WHERE CASE WHEN undoing AND state IN ('running', 'waiting') THEN 'compensating' ELSE state END \
                   = ANY($1) ORDER BY started_at, id LIMIT $2",
    );
    let states: List<String> = filter.states.iter().map(|state| state.to_string()).collect();
    db.fetch_all(sql, (states, i64::from(filter.limit))).await
}

/// The saga of this id, or all about this subject, the oldest first, each with its steps.
pub async fn show(db: &mut Queries, id: &str) -> Result<Vec<(SagaRow, Vec<StepRow>)>, CallFailure> {
    let sql = sql!(
        "SELECT id, kind, version, CASE WHEN undoing AND state IN ('running', 'waiting') THEN 'compensating' \
         ELSE state END AS state, undoing, pivoted, undo_asked, (SELECT step FROM offshoot_saga_steps \
         WHERE saga = s.id AND state = 'intended' ORDER BY failure IS NULL, position LIMIT 1) AS step, \
         attempt, tries, due_at, give_up_at, failure, started_at, updated_at FROM offshoot_sagas s \
         WHERE id = $1 OR subject = $1 ORDER BY started_at, id"
    );
    let sagas: Vec<SagaRow> = db.fetch_all(sql, (id,)).await?;
    let mut shown = Vec::with_capacity(sagas.len());
    for saga in sagas {
        let sql = sql!(
            "SELECT step, undoes, state, tries, failure, intended_at, ended_at FROM offshoot_saga_steps \
             WHERE saga = $1 ORDER BY position"
        );
        let steps = db.fetch_all(sql, (saga.id.as_str(),)).await?;
        shown.push((saga, steps));
    }
    Ok(shown)
}

/// Makes a waiting or stuck saga due now, as if it had never been in vain.
pub async fn retry(tx: &mut Tx<'_>, id: &str, now: Timestamp) -> Result<(), OperateError> {
    let sql = sql!(
        "UPDATE offshoot_sagas SET state = 'waiting', due_at = $2, tries = 0, updated_at = $2 \
         WHERE id = $1 AND state IN ('waiting', 'stuck')"
    );
    if tx.execute(sql, (id, now)).await? == 1 {
        return Ok(());
    }
    Err(match one(tx, id).await? {
        None => OperateError::Unknown { id: id.to_owned() },
        Some(saga) => why_not(saga),
    })
}

/// Asks that a saga be undone instead of going on. Whoever has it sees that before its point of no return.
pub async fn compensate(tx: &mut Tx<'_>, id: &str, now: Timestamp) -> Result<(), OperateError> {
    let sql = sql!(
        "UPDATE offshoot_sagas SET undo_asked = $3, tries = 0, updated_at = $2, \
         state = CASE WHEN state = 'stuck' THEN 'waiting' ELSE state END, \
         due_at = CASE WHEN state = 'running' THEN due_at ELSE $2 END \
         WHERE id = $1 AND NOT pivoted AND NOT undoing AND state IN ('running', 'waiting', 'stuck')"
    );
    if tx.execute(sql, (id, now, true)).await? == 1 {
        return Ok(());
    }
    let id = id.to_owned();
    Err(match one(tx, &id).await? {
        None => OperateError::Unknown { id },
        Some(saga) if saga.due_at.is_none() && saga.state != State::Stuck.as_str() => why_not(saga),
        Some(saga) if saga.undoing => OperateError::Undoing { id },
        Some(_) => OperateError::NoWayBack { id },
    })
}

async fn one(db: &mut Queries, id: &str) -> Result<Option<SagaRow>, CallFailure> {
    let shown = show(db, id).await?;
    Ok(shown.into_iter().map(|(saga, _)| saga).find(|saga| saga.id == id))
}

fn why_not(saga: SagaRow) -> OperateError {
    let id = saga.id;
    match saga.due_at {
        Some(until) => OperateError::Running { id, until },
        None if saga.undoing => OperateError::Over {
            id,
            state: State::Undone,
        },
        None => OperateError::Over { id, state: State::Done },
    }
}
