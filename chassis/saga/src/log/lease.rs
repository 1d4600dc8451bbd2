//! Leases of sagas: finding, taking over and handing over.

use offshoot_contract::{CallFailure, Timestamp};
use offshoot_db::{List, Queries, Tx, sql};

use crate::log::open::is_open;
use crate::status::SagaStatus;

/// Progress of a saga: attempt, status and due time.
#[derive(Debug, Clone)]
pub struct SagaProgress {
    pub(crate) id: String,
    pub(crate) attempt: i64,
    state: String,
    due_at: Option<Timestamp>,
}

impl SagaProgress {
    /// Whether the saga has ended, done or undone.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        [SagaStatus::Done, SagaStatus::Undone]
            .iter()
            .any(|ended| ended.as_str() == self.state)
    }

    /// Whether the saga waits for an operator.
    #[must_use]
    pub fn is_stuck(&self) -> bool {
        self.state == SagaStatus::Stuck.as_str()
    }

    /// Whether the saga can be taken over at `now`: the lease has expired, or the pause of a waiting saga is over.
    #[must_use]
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.due_at.is_some_and(|due| due <= now)
    }
}

offshoot_db::row! {
    /// A saga that was just taken over.
    pub(crate) struct TakenOverSaga {
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
}

/// The progress of a saga, by id.
///
/// The read does not lock the row on Postgres: later writes name their attempt.
pub(crate) async fn find_saga(db: &mut Queries, id: &str) -> Result<Option<SagaProgress>, CallFailure> {
    let sql = sql!("SELECT attempt, state, due_at FROM offshoot_sagas WHERE id = $1");
    let row: Option<(i64, String, Option<Timestamp>)> = db.fetch_optional(sql, (id,)).await?;
    Ok(row.map(|(attempt, state, due_at)| SagaProgress {
        id: id.to_owned(),
        attempt,
        state,
        due_at,
    }))
}

/// Whether a saga about this subject is open.
pub(crate) async fn has_open_saga(db: &mut Queries, subject: &str) -> Result<bool, CallFailure> {
    let sql = sql!(concat!(
        "SELECT id FROM offshoot_sagas WHERE subject = $1 AND ",
        is_open!()
    ));
    let row: Option<(String,)> = db.fetch_optional(sql, (subject,)).await?;
    Ok(row.is_some())
}

/// Takes the lease of a due saga until `until`, as the attempt after `attempt`. Returns None if another execution holds
/// the lease or was faster.
pub(crate) async fn take_over(
    tx: &mut Tx<'_>,
    id: &str,
    attempt: i64,
    now: Timestamp,
    until: Timestamp,
) -> Result<Option<TakenOverSaga>, CallFailure> {
    let sql = sql!(
        "UPDATE offshoot_sagas SET attempt = attempt + 1, state = 'running', due_at = $4, updated_at = $3 \
         WHERE id = $1 AND attempt = $2 AND due_at <= $3 \
         RETURNING subject, kind, version, undoing, undo_asked, stage, data, tries, give_up_at"
    );
    tx.fetch_optional(sql, (id, attempt, now, until)).await
}

/// Gives up the lease. The saga is due at `due_at`, or stuck without `due_at`. Returns false if the saga was taken over
/// or has ended.
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
    let status = due_at.map_or(SagaStatus::Stuck, |_| SagaStatus::Waiting).as_str();
    let values = (id, attempt, status, due_at, tries, failure, now);
    Ok(tx.execute(sql, values).await? == 1)
}

/// Due sagas whose definition is among `known` (`kind/version`), the longest overdue first: id, attempt, and number of
/// consecutive failed attempts.
pub(crate) async fn find_due_sagas(
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

/// Definitions of due sagas that are not among `known`: definition, number of due sagas, and the id of one saga.
pub(crate) async fn count_unknown_definitions(
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
