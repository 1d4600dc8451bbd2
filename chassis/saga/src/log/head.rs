//! The row of one saga, as its holder writes it. Each write says under which attempt it is made, and changes nothing if
//! that was taken over.

use offshoot_contract::{CallFailure, Timestamp};
use offshoot_db::{Tx, sql};

use crate::execution::Execution;
use crate::owner::Owner;
use crate::state::State;

/// What a holder writes.
pub(crate) struct Head<'a> {
    pub(crate) id: &'a str,
    pub(crate) attempt: i64,
    pub(crate) state: State,
    pub(crate) undoing: bool,
    pub(crate) pivoted: bool,
    pub(crate) stage: usize,
    pub(crate) data: String,
    pub(crate) due_at: Option<Timestamp>,
    pub(crate) at: Timestamp,
}

impl<'a> Head<'a> {
    /// Where an execution stands `at` this time, over or not as the rest says; without its data.
    pub(crate) fn of<O: Owner>(run: &'a Execution<O>, at: Timestamp) -> Self {
        Self {
            id: &run.id,
            attempt: run.attempt,
            state: State::Running,
            undoing: run.undoing,
            pivoted: run.is_pivoted(),
            stage: run.stage,
            data: String::new(),
            due_at: None,
            at,
        }
    }

    fn stage(&self) -> i64 {
        i64::try_from(self.stage).unwrap_or(i64::MAX)
    }
}

/// Progress. False if the saga was taken over, or, where that is heeded, an operator wants it undone.
pub(crate) async fn write(tx: &mut Tx<'_>, head: &Head<'_>, heed_operator: bool) -> Result<bool, CallFailure> {
    let sql = sql!(
        "UPDATE offshoot_sagas SET state = $3, undoing = $4, pivoted = $5, stage = $6, data = $7, due_at = $8, \
         tries = 0, failure = NULL, updated_at = $9 \
         WHERE id = $1 AND attempt = $2 AND due_at IS NOT NULL AND NOT (undo_asked AND $10)"
    );
    let values = (
        head.id,
        head.attempt,
        head.state.as_str(),
        head.undoing,
        head.pivoted,
        head.stage(),
        head.data.as_str(),
        head.due_at,
        head.at,
        heed_operator,
    );
    Ok(tx.execute(sql, values).await? == 1)
}

/// Whether an execution still has its saga, which an operator wants undone.
pub(crate) async fn is_only_asked_to_undo<O: Owner>(tx: &mut Tx<'_>, run: &Execution<O>) -> Result<bool, CallFailure> {
    let sql = sql!("SELECT undo_asked FROM offshoot_sagas WHERE id = $1 AND attempt = $2 AND due_at IS NOT NULL");
    let row: Option<(bool,)> = tx.fetch_optional(sql, (run.id.as_str(), run.attempt)).await?;
    Ok(row.is_some_and(|(asked,)| asked))
}

/// A new saga. False if one about its subject is under way, or it was begun before.
pub(crate) async fn begin(
    tx: &mut Tx<'_>,
    head: &Head<'_>,
    subject: &str,
    (kind, version): (&str, u32),
    give_up_at: Option<Timestamp>,
) -> Result<bool, CallFailure> {
    let sql = sql!(
        "INSERT INTO offshoot_sagas (id, subject, kind, version, state, undoing, pivoted, undo_asked, stage, data, \
         attempt, tries, due_at, give_up_at, started_at, updated_at) \
         VALUES ($1, $2, $3, $4, 'running', $5, $6, $5, 0, $7, 0, 0, $8, $9, $10, $10) ON CONFLICT DO NOTHING"
    );
    let values = (
        head.id,
        subject,
        kind,
        i64::from(version),
        false,
        head.pivoted,
        head.data.as_str(),
        head.due_at,
        give_up_at,
        head.at,
    );
    Ok(tx.execute(sql, values).await? == 1)
}
