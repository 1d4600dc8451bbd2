//! The steps of a saga: intended before they are done, ended after.

use std::borrow::Cow;

use offshoot_contract::{CallFailure, Timestamp};
use offshoot_db::{Queries, Tx, sql};

use crate::outcome::Outcome;

/// A step, as whoever takes the saga up finds it.
#[derive(sqlx::FromRow)]
pub(crate) struct LoggedStep {
    pub(crate) step: String,
    pub(crate) state: String,
}

impl LoggedStep {
    pub(crate) fn is_open(&self) -> bool {
        self.state == "intended"
    }
}

/// Writes down what is to be done, after the `written` rows that stand there, and what each takes back.
pub(crate) async fn intend<'a, S: AsRef<str> + 'a>(
    tx: &mut Tx<'_>,
    id: &str,
    written: i64,
    steps: impl Iterator<Item = (&'a S, Option<&'a Cow<'static, str>>)>,
    now: Timestamp,
) -> Result<(), CallFailure> {
    let sql =
        sql!("INSERT INTO offshoot_saga_steps (saga, position, step, undoes, state, tries, intended_at) VALUES $rows");
    let rows = steps.zip(written + 1..).map(|((step, undoes), position)| {
        let undoes = undoes.map(|undoes| undoes.to_string());
        let (step, state) = (step.as_ref().to_owned(), "intended".to_owned());
        (id.to_owned(), position, step, undoes, state, 0_i64, now)
    });
    let rows: Vec<_> = rows.collect();
    tx.insert_many(sql, rows).await.map(drop)
}

/// Notes that every open step was done.
pub(crate) async fn all_done(tx: &mut Tx<'_>, id: &str, now: Timestamp) -> Result<(), CallFailure> {
    let sql =
        sql!("UPDATE offshoot_saga_steps SET state = 'done', ended_at = $2 WHERE saga = $1 AND state = 'intended'");
    tx.execute(sql, (id, now)).await.map(drop)
}

/// Notes what came of one step of a saga that is undone.
pub(crate) async fn end_step<R: std::fmt::Debug>(
    tx: &mut Tx<'_>,
    id: &str,
    step: &str,
    outcome: &Outcome<R>,
    now: Timestamp,
) -> Result<(), CallFailure> {
    let (state, failure) = match outcome {
        Outcome::Done => ("done", None),
        Outcome::Refused(reason) => ("refused", Some(format!("{reason:?}"))),
        Outcome::Trouble(failure) => ("dropped", Some(failure.to_string())),
        Outcome::NotBegun => ("dropped", None),
    };
    let sql = sql!(
        "UPDATE offshoot_saga_steps SET state = $3, failure = COALESCE($4, failure), ended_at = $5 \
         WHERE saga = $1 AND step = $2"
    );
    tx.execute(sql, (id, step, state, failure, now)).await.map(drop)
}

/// Notes why one step has to be tried again.
pub(crate) async fn note_failure(tx: &mut Tx<'_>, id: &str, step: &str, failure: &str) -> Result<(), CallFailure> {
    let sql = sql!("UPDATE offshoot_saga_steps SET tries = tries + 1, failure = $3 WHERE saga = $1 AND step = $2");
    tx.execute(sql, (id, step, failure)).await.map(drop)
}

/// All steps, in their sequence.
pub(crate) async fn of_saga(db: &mut Queries, id: &str) -> Result<Vec<LoggedStep>, CallFailure> {
    let sql = sql!("SELECT step, state FROM offshoot_saga_steps WHERE saga = $1 ORDER BY position");
    db.fetch_all(sql, (id,)).await
}
