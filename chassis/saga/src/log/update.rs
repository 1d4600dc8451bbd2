//! Writes one saga's row for the holder of the lease. Each write names the attempt, and changes nothing if the saga was
//! taken over.

use offshoot_contract::{CallFailure, Timestamp};
use offshoot_db::{Tx, sql};

use crate::execution::Execution;
use crate::saga_module::SagaModule;
use crate::status::SagaStatus;

/// New values of a saga's row.
pub(crate) struct SagaUpdate<'a> {
    pub(crate) id: &'a str,
    pub(crate) attempt: i64,
    pub(crate) status: SagaStatus,
    pub(crate) undoing: bool,
    pub(crate) pivoted: bool,
    pub(crate) stage: usize,
    pub(crate) data: String,
    pub(crate) due_at: Option<Timestamp>,
    pub(crate) at: Timestamp,
}

impl<'a> SagaUpdate<'a> {
    /// The present position of an execution, as a running saga without due time and data.
    pub(crate) fn from_execution<M: SagaModule>(execution: &'a Execution<M>, at: Timestamp) -> Self {
        Self {
            id: &execution.id,
            attempt: execution.attempt,
            status: SagaStatus::Running,
            undoing: execution.undoing,
            pivoted: execution.is_pivoted(),
            stage: execution.stage,
            data: String::new(),
            due_at: None,
            at,
        }
    }

    fn stage(&self) -> i64 {
        i64::try_from(self.stage).unwrap_or(i64::MAX)
    }
}

/// Updates a saga. Returns false if the saga was taken over, or if `heed_operator` is set and an operator has requested
/// the undo.
pub(crate) async fn update_saga(
    tx: &mut Tx<'_>,
    update: &SagaUpdate<'_>,
    heed_operator: bool,
) -> Result<bool, CallFailure> {
    let sql = sql!(
        "UPDATE offshoot_sagas SET state = $3, undoing = $4, pivoted = $5, stage = $6, data = $7, due_at = $8, \
         tries = 0, failure = NULL, updated_at = $9 \
         WHERE id = $1 AND attempt = $2 AND due_at IS NOT NULL AND NOT (undo_asked AND $10)"
    );
    let values = (
        update.id,
        update.attempt,
        update.status.as_str(),
        update.undoing,
        update.pivoted,
        update.stage(),
        update.data.as_str(),
        update.due_at,
        update.at,
        heed_operator,
    );
    Ok(tx.execute(sql, values).await? == 1)
}

/// Whether the execution still holds the lease of its saga and an operator has requested the undo.
pub(crate) async fn is_undo_requested<M: SagaModule>(
    tx: &mut Tx<'_>,
    execution: &Execution<M>,
) -> Result<bool, CallFailure> {
    let sql = sql!("SELECT undo_asked FROM offshoot_sagas WHERE id = $1 AND attempt = $2 AND due_at IS NOT NULL");
    let row: Option<(bool,)> = tx
        .fetch_optional(sql, (execution.id.as_str(), execution.attempt))
        .await?;
    Ok(row.is_some_and(|(asked,)| asked))
}

/// Inserts a new saga. Returns false if a saga about the subject is open, or if this saga was begun before.
pub(crate) async fn insert_saga(
    tx: &mut Tx<'_>,
    update: &SagaUpdate<'_>,
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
        update.id,
        subject,
        kind,
        i64::from(version),
        false,
        update.pivoted,
        update.data.as_str(),
        update.due_at,
        give_up_at,
        update.at,
    );
    Ok(tx.execute(sql, values).await? == 1)
}
