//! Whether the process's connections fit into what the server allows.

use sqlx::postgres::PgConnection;

use crate::{OpenError, PgBudget};

/// Refuses a budget that can never fit, and warns of one that does not fit beside what is open now.
pub(crate) async fn check_budget(
    connection: &mut PgConnection,
    budget: PgBudget,
    address: &str,
) -> Result<(), OpenError> {
    let (allowed, open): (i64, i64) = sqlx::query_as(
        "SELECT current_setting('max_connections')::bigint - current_setting('superuser_reserved_connections')::bigint, \
                (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend')",
    )
    .fetch_one(connection)
    .await
    .map_err(|cause| OpenError::Failed {
        what: format!("reading the settings of {address}"),
        cause,
    })?;
    let wanted = i64::from(budget.sum());
    if wanted > allowed {
        return Err(OpenError::BudgetTooLarge {
            address: address.to_owned(),
            wanted,
            allowed,
        });
    }
    if wanted + open > allowed {
        tracing::warn!(address, wanted, open, allowed, "the server may run out of connections");
    }
    Ok(())
}
