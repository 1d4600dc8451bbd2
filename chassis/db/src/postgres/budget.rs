//! Checks the process's connection budget against the server's `max_connections`.

use sqlx::postgres::PgConnection;

use crate::open_error::OpenError;
use crate::options::PgBudget;

/// Rejects a budget above the server's limit. Warns if the budget and the connections open now together exceed the limit.
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
        operation: format!("reading the connection limit of {address}"),
        cause,
    })?;
    let wanted = i64::from(budget.total());
    if wanted > allowed {
        return Err(OpenError::BudgetTooLarge {
            address: address.to_owned(),
            wanted,
            allowed,
        });
    }
    if wanted + open > allowed {
        tracing::warn!(
            address,
            wanted,
            open,
            allowed,
            "the server may run out of connections: lower the connection budget or raise max_connections"
        );
    }
    Ok(())
}
