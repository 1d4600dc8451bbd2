//! The steps of a saga in the log: intents before the calls, outcomes after.

use std::borrow::Cow;

use offshoot_contract::{CallFailure, Timestamp};
use offshoot_db::{Queries, Tx, sql};

use crate::outcome::Outcome;

offshoot_db::row! {
    /// A step in the log.
    pub(crate) struct LoggedStep {
        pub(crate) step: String,
        pub(crate) state: String,
    }
}

impl LoggedStep {
    pub(crate) fn is_open(&self) -> bool {
        self.state == "intended"
    }
}

/// Inserts intents after the `logged` existing rows. Each item is a step and the step that it undoes, if any.
pub(crate) async fn insert_intents<'a, S: AsRef<str> + 'a>(
    tx: &mut Tx<'_>,
    id: &str,
    logged: i64,
    steps: impl Iterator<Item = (&'a S, Option<&'a Cow<'static, str>>)>,
    now: Timestamp,
) -> Result<(), CallFailure> {
    let sql =
        sql!("INSERT INTO offshoot_saga_steps (saga, position, step, undoes, state, tries, intended_at) VALUES $rows");
    let rows = steps.zip(logged + 1..).map(|((step, undoes), position)| {
        let undoes = undoes.map(|undoes| undoes.to_string());
        let (step, state) = (step.as_ref().to_owned(), "intended".to_owned());
        (id.to_owned(), position, step, undoes, state, 0_i64, now)
    });
    let rows: Vec<_> = rows.collect();
    tx.insert_many(sql, rows).await.map(drop)
}

/// Records that every open step is done.
pub(crate) async fn complete_open_steps(tx: &mut Tx<'_>, id: &str, now: Timestamp) -> Result<(), CallFailure> {
    let sql =
        sql!("UPDATE offshoot_saga_steps SET state = 'done', ended_at = $2 WHERE saga = $1 AND state = 'intended'");
    tx.execute(sql, (id, now)).await.map(drop)
}

/// Records the outcome of one step when the undo of its saga begins.
pub(crate) async fn record_outcome<R: std::fmt::Debug>(
    tx: &mut Tx<'_>,
    id: &str,
    step: &str,
    outcome: &Outcome<R>,
    now: Timestamp,
) -> Result<(), CallFailure> {
    let (state, failure) = match outcome {
        Outcome::Done => ("done", None),
        Outcome::Refused(reason) => ("refused", Some(format!("{reason:?}"))),
        Outcome::Retryable(failure) => ("dropped", Some(failure.to_string())),
        Outcome::NotBegun => ("dropped", None),
    };
    let sql = sql!(
        "UPDATE offshoot_saga_steps SET state = $3, failure = COALESCE($4, failure), ended_at = $5 \
         WHERE saga = $1 AND step = $2"
    );
    tx.execute(sql, (id, step, state, failure, now)).await.map(drop)
}

/// Records a failed attempt of one step.
pub(crate) async fn record_step_failure(
    tx: &mut Tx<'_>,
    id: &str,
    step: &str,
    failure: &str,
) -> Result<(), CallFailure> {
    let sql = sql!("UPDATE offshoot_saga_steps SET tries = tries + 1, failure = $3 WHERE saga = $1 AND step = $2");
    tx.execute(sql, (id, step, failure)).await.map(drop)
}

/// All steps of a saga, in sequence.
pub(crate) async fn steps_of_saga(db: &mut Queries, id: &str) -> Result<Vec<LoggedStep>, CallFailure> {
    let sql = sql!("SELECT step, state FROM offshoot_saga_steps WHERE saga = $1 ORDER BY position");
    db.fetch_all(sql, (id,)).await
}
