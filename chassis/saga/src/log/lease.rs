//! Who works on a saga, and who does next.

use offshoot_contract::{CallFailure, Timestamp};
use offshoot_db::{List, Queries, Tx, sql};

use crate::state::State;

/// Who works on a saga.
#[derive(Debug, Clone)]
pub struct Standing {
    pub(crate) id: String,
    pub(crate) attempt: i64,
    state: String,
    due_at: Option<Timestamp>,
}

impl Standing {
    /// Nothing will happen any more.
    #[must_use]
    pub fn is_over(&self) -> bool {
        [State::Done, State::Undone]
            .iter()
            .any(|over| over.as_str() == self.state)
    }

    /// It waits for an operator.
    #[must_use]
    pub fn is_stuck(&self) -> bool {
        self.state == State::Stuck.as_str()
    }

    /// Nobody works on it at `now`.
    #[must_use]
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.due_at.is_some_and(|due| due <= now)
    }
}

/// What whoever takes a saga up finds.
#[derive(sqlx::FromRow)]
pub(crate) struct TakenUp {
    pub(crate) subject: String,
    pub(crate) kind: String,
    pub(crate) version: i64,
    pub(crate) undoing: bool,
    pub(crate) undo_asked: bool,
    pub(crate) stage: i64,
    pub(crate) data: String,
    pub(crate) tries: i64,
    pub(crate) give_up_at: Option<Timestamp>,
}

/// A saga by its id.
///
/// On Postgres this does not lock the row: what follows says under which attempt it is written.
pub(crate) async fn find(db: &mut Queries, id: &str) -> Result<Option<Standing>, CallFailure> {
    let sql = sql!("SELECT attempt, state, due_at FROM offshoot_sagas WHERE id = $1");
    let row: Option<(i64, String, Option<Timestamp>)> = db.fetch_optional(sql, (id,)).await?;
    Ok(row.map(|(attempt, state, due_at)| Standing {
        id: id.to_owned(),
        attempt,
        state,
        due_at,
    }))
}

/// Whether one about this subject is under way, or stuck.
pub(crate) async fn is_under_way(db: &mut Queries, subject: &str) -> Result<bool, CallFailure> {
    let sql = sql!("SELECT id FROM offshoot_sagas WHERE subject = $1 AND state IN ('running', 'waiting', 'stuck')");
    let row: Option<(String,)> = db.fetch_optional(sql, (subject,)).await?;
    Ok(row.is_some())
}

/// Makes a saga one's own, as the attempt after `attempt`. None if somebody else works on it.
pub(crate) async fn take_over(
    tx: &mut Tx<'_>,
    id: &str,
    attempt: i64,
    now: Timestamp,
    until: Timestamp,
) -> Result<Option<TakenUp>, CallFailure> {
    let sql = sql!(
        "UPDATE offshoot_sagas SET attempt = attempt + 1, state = 'running', due_at = $4, updated_at = $3 \
         WHERE id = $1 AND attempt = $2 AND due_at <= $3 \
         RETURNING subject, kind, version, undoing, undo_asked, stage, data, tries, give_up_at"
    );
    tx.fetch_optional(sql, (id, attempt, now, until)).await
}

/// Gives a saga back: to whoever looks after `due_at`, or, without it, to an operator. False if it was taken over, or is
/// over.
pub(crate) async fn hand_over(
    tx: &mut Tx<'_>,
    id: &str,
    attempt: i64,
    due_at: Option<Timestamp>,
    tries: i64,
    failure: &str,
    now: Timestamp,
) -> Result<bool, CallFailure> {
    let sql = sql!(
        "UPDATE offshoot_sagas SET state = $3, due_at = $4, tries = $5, failure = $6, updated_at = $7 \
         WHERE id = $1 AND attempt = $2 AND due_at IS NOT NULL"
    );
    let state = due_at.map_or(State::Stuck, |_| State::Waiting).as_str();
    let values = (id, attempt, state, due_at, tries, failure, now);
    Ok(tx.execute(sql, values).await? == 1)
}

/// Sagas whose time has come and whose definition is `known`, as `kind/version`; the longest abandoned first, with their
/// attempts and how many of them in a row were in vain.
pub(crate) async fn due(
    db: &mut Queries,
    now: Timestamp,
    known: List<String>,
    limit: u32,
) -> Result<Vec<(String, i64, i64)>, CallFailure> {
    let sql = sql!(
        sqlite: "SELECT id, attempt, tries FROM offshoot_sagas WHERE due_at <= $1 \
                 AND kind || '/' || version IN (SELECT value FROM json_each($2)) ORDER BY due_at LIMIT $3",
        postgres: "SELECT id, attempt, tries FROM offshoot_sagas WHERE due_at <= $1 \
                   AND kind || '/' || version = ANY($2) ORDER BY due_at LIMIT $3",
    );
    db.fetch_all(sql, (now, known, i64::from(limit))).await
}

/// Sagas whose time has come and whose definition is not `known`: of each how many, and one of them.
pub(crate) async fn unknown(
    db: &mut Queries,
    now: Timestamp,
    known: List<String>,
) -> Result<Vec<(String, i64, String)>, CallFailure> {
    let sql = sql!(
        sqlite: "SELECT kind || '/' || version, count(*), min(id) FROM offshoot_sagas WHERE due_at <= $1 \
                 AND kind || '/' || version NOT IN (SELECT value FROM json_each($2)) GROUP BY kind, version",
        postgres: "SELECT kind || '/' || version, count(*), min(id) FROM offshoot_sagas WHERE due_at <= $1 \
                   AND kind || '/' || version <> ALL($2) GROUP BY kind, version",
    );
    db.fetch_all(sql, (now, known)).await
}
