//! The operators' view of a module's sagas, and the actions retry and undo. No definition is needed, so the actions work
//! on sagas of any module and version.

use offshoot_contract::{CallFailure, Timestamp};
use offshoot_db::{List, Queries, Tx, sql};
use serde::Serialize;

use crate::log::open::{is_open, status};
use crate::status::SagaStatus;

/// Columns of a [`SagaRow`], from `offshoot_sagas s`.
macro_rules! columns {
    () => {
        concat!(
            "id, kind, version, ",
            status!(),
            " AS state, undoing, pivoted, undo_asked, (SELECT step FROM offshoot_saga_steps \
             WHERE saga = s.id AND state = 'intended' ORDER BY failure IS NULL, position LIMIT 1) AS step, \
             attempt, tries, due_at, give_up_at, failure, started_at, updated_at"
        )
    };
}

/// Filter of a list of sagas.
#[derive(Debug, Clone)]
pub struct Filter {
    /// Sagas with one of these statuses.
    pub states: Vec<SagaStatus>,
    /// Maximum number of sagas; the oldest are listed.
    pub limit: u32,
}

offshoot_db::row! {
    /// One saga.
    #[derive(Debug, Clone, PartialEq, Eq, Serialize)]
    pub struct SagaRow {
        /// Id: `subject.name`.
        pub id: String,
        /// Kind of the definition.
        pub kind: String,
        /// Version of the definition.
        pub version: i64,
        /// Name of the [`SagaStatus`].
        pub state: String,
        /// Whether the saga is being undone, or was undone.
        pub undoing: bool,
        /// Whether the saga has passed its point of no return.
        pub pivoted: bool,
        /// Whether an operator has requested the undo.
        pub undo_asked: bool,
        /// The open step that failed, or else the first open step.
        pub step: Option<String>,
        /// Number of takeovers after the first execution.
        pub attempt: i64,
        /// Consecutive failed attempts.
        pub tries: i64,
        /// End of the lease of a running saga, or time of the next attempt of a waiting saga.
        pub due_at: Option<Timestamp>,
        /// Time after which the saga is undone unless the saga has passed its point of no return.
        pub give_up_at: Option<Timestamp>,
        /// Why the last attempt failed.
        pub failure: Option<String>,
        /// When the saga was begun.
        pub started_at: Timestamp,
        /// When the saga last changed.
        pub updated_at: Timestamp,
    }
}

offshoot_db::row! {
    /// One step of a saga.
    #[derive(Debug, Clone, PartialEq, Eq, Serialize)]
    pub struct StepRow {
        /// Name of the step.
        pub step: String,
        /// The step that this step undoes.
        pub undoes: Option<String>,
        /// `intended`, `done`, `refused` or `dropped`.
        pub state: String,
        /// Failed attempts.
        pub tries: i64,
        /// Why the last attempt failed, or why the step was refused.
        pub failure: Option<String>,
        /// When the intent was logged.
        pub intended_at: Timestamp,
        /// When the outcome was logged.
        pub ended_at: Option<Timestamp>,
    }
}

/// Why an operator's action was refused.
#[derive(Debug, thiserror::Error)]
pub enum OperateError {
    /// No saga has this id.
    #[error("there is no saga {id}; `offshoot sagas list` lists open sagas")]
    Unknown {
        /// The requested id.
        id: String,
    },
    /// The saga has ended.
    #[error("saga {id} is {status}: {}", status.description())]
    Ended {
        /// The saga.
        id: String,
        /// `Done` or `Undone`.
        status: SagaStatus,
    },
    /// An execution holds the lease.
    #[error("saga {id} is being executed; if the execution is interrupted, the saga is resumed after {until}")]
    Running {
        /// The saga.
        id: String,
        /// End of the lease.
        until: Timestamp,
    },
    /// The saga has passed its point of no return.
    #[error("saga {id} has passed its point of no return and cannot be undone; `retry` makes the saga due now")]
    PastPivot {
        /// The saga.
        id: String,
    },
    /// The undo has begun already.
    #[error("saga {id} is being undone already; `retry` makes the saga due now")]
    Undoing {
        /// The saga.
        id: String,
    },
    /// The database call failed.
    #[error(transparent)]
    Call(#[from] CallFailure),
}

/// Sagas that pass the filter, the oldest first.
pub async fn list(db: &mut Queries, filter: &Filter) -> Result<Vec<SagaRow>, CallFailure> {
    let sql = sql!(
        sqlite: concat!(
            "SELECT ", columns!(), " FROM offshoot_sagas s WHERE ", status!(),
            " IN (SELECT value FROM json_each($1)) ORDER BY started_at, id LIMIT $2"
        ),
        postgres: concat!(
            "SELECT ", columns!(), " FROM offshoot_sagas s WHERE ", status!(),
            " = ANY($1) ORDER BY started_at, id LIMIT $2"
        ),
    );
    let states: List<String> = filter.states.iter().map(|status| status.to_string()).collect();
    db.fetch_all(sql, (states, i64::from(filter.limit))).await
}

/// The saga with this id, or all sagas about this subject, the oldest first, each with its steps.
pub async fn show(db: &mut Queries, id: &str) -> Result<Vec<(SagaRow, Vec<StepRow>)>, CallFailure> {
    let sql = sql!(concat!(
        "SELECT ",
        columns!(),
        " FROM offshoot_sagas s WHERE id = $1 OR subject = $1 ORDER BY started_at, id"
    ));
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

/// Makes a waiting or stuck saga due now and resets its failed attempts.
pub async fn retry(tx: &mut Tx<'_>, id: &str, now: Timestamp) -> Result<(), OperateError> {
    let sql = sql!(
        "UPDATE offshoot_sagas SET state = 'waiting', due_at = $2, tries = 0, updated_at = $2 \
         WHERE id = $1 AND state IN ('waiting', 'stuck')"
    );
    if tx.execute(sql, (id, now)).await? == 1 {
        return Ok(());
    }
    Err(match find(tx, id).await? {
        None => OperateError::Unknown { id: id.to_owned() },
        Some(saga) => refusal(saga),
    })
}

/// Requests the undo of a saga. The current or next execution begins the undo; refused past the point of no return.
pub async fn request_undo(tx: &mut Tx<'_>, id: &str, now: Timestamp) -> Result<(), OperateError> {
    let sql = sql!(concat!(
        "UPDATE offshoot_sagas SET undo_asked = $3, tries = 0, updated_at = $2, \
         state = CASE WHEN state = 'stuck' THEN 'waiting' ELSE state END, \
         due_at = CASE WHEN state = 'running' THEN due_at ELSE $2 END \
         WHERE id = $1 AND NOT pivoted AND NOT undoing AND ",
        is_open!()
    ));
    if tx.execute(sql, (id, now, true)).await? == 1 {
        return Ok(());
    }
    let id = id.to_owned();
    Err(match find(tx, &id).await? {
        None => OperateError::Unknown { id },
        Some(saga) if saga.due_at.is_none() && saga.state != SagaStatus::Stuck.as_str() => refusal(saga),
        Some(saga) if saga.undoing => OperateError::Undoing { id },
        Some(_) => OperateError::PastPivot { id },
    })
}

async fn find(db: &mut Queries, id: &str) -> Result<Option<SagaRow>, CallFailure> {
    let shown = show(db, id).await?;
    Ok(shown.into_iter().map(|(saga, _)| saga).find(|saga| saga.id == id))
}

/// Why an action does not apply to a running or ended saga.
fn refusal(saga: SagaRow) -> OperateError {
    let id = saga.id;
    match saga.due_at {
        Some(until) => OperateError::Running { id, until },
        None if saga.undoing => OperateError::Ended {
            id,
            status: SagaStatus::Undone,
        },
        None => OperateError::Ended {
            id,
            status: SagaStatus::Done,
        },
    }
}
