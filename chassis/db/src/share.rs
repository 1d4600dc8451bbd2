//! Keeps the number of a module's Postgres connections at its share of the server, while processes come and go.

use std::sync::{Arc, Weak};
use std::time::Duration;

use sqlx::Connection as _;
use sqlx::postgres::PgConnection;
use tokio::time::{Instant, sleep, timeout_at};

use crate::connection::Connection;
use crate::open_error::OpenError;
use crate::options::PgBudget;
use crate::pool::{ConnectionState, Lane, Pool};
use crate::postgres::{PostgresServer, SessionRole, read_load, this_process};
use crate::server_load::ServerLoad;
use crate::url::DatabaseUrl;

/// Interval at which a process looks for the others. A new process is noticed before its first peak.
const INTERVAL: Duration = Duration::from_secs(2);
/// Timeout of a look.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Reads the server's load over the first connection of a module, and returns the module's number of connections.
///
/// Fails if the process has a fixed budget that the server can never give.
pub(crate) async fn join(
    connection: &mut Connection,
    module: &str,
    budget: PgBudget,
    host: &str,
) -> Result<u32, OpenError> {
    let Connection::Postgres(connection) = connection else {
        return Ok(budget.per_module());
    };
    let load = load_of(connection, host).await?;
    match budget.connections {
        Some(_) if budget.total() > load.limit => Err(OpenError::BudgetTooLarge {
            address: host.to_owned(),
            wanted: budget.total(),
            allowed: load.limit,
        }),
        Some(_) => Ok(budget.per_module()),
        None => Ok(share_of(&load, module).unwrap_or_else(|| budget.per_module())),
    }
}

/// Connections of the Postgres server at `url`, and of all processes on it; `None` for SQLite. `module` is named in errors.
pub async fn server_load(module: &'static str, url: &DatabaseUrl) -> Result<Option<ServerLoad>, OpenError> {
    let DatabaseUrl::Postgres(login) = url else {
        return Ok(None);
    };
    let server = PostgresServer::new(login, module, SessionRole::Login);
    let connection = server.connect().await;
    let mut connection = connection.map_err(|cause| server.explain_connect_error(cause))?;
    let load = load_of(&mut connection, &server.host()).await?;
    // The load is known, whatever becomes of the connection.
    let _ = connection.close().await;
    Ok(Some(load))
}

async fn load_of(connection: &mut PgConnection, host: &str) -> Result<ServerLoad, OpenError> {
    let load = read_load(connection, host).await;
    load.map_err(|cause| OpenError::Failed {
        operation: format!("reading the connections of {host}"),
        cause,
    })
}

/// Adapts the size of the pool until the pool is dropped.
pub(crate) async fn follow(pool: Weak<Pool>, module: &'static str) {
    loop {
        sleep(INTERVAL).await;
        let Some(pool) = pool.upgrade() else { return };
        if let Some(load) = read(&pool).await
            && let Some(share) = share_of(&load, module)
        {
            pool.set_size(share);
        }
    }
}

/// Reads the load of the pool's server; `None` if the server does not answer.
pub(crate) async fn read(pool: &Arc<Pool>) -> Option<ServerLoad> {
    let host = pool.postgres_host()?;
    let deadline = Instant::now() + TIMEOUT;
    let mut pooled = pool.acquire(Lane::Upkeep, deadline).await.ok()?;
    pooled.set_state(ConnectionState::Unknown);
    let Connection::Postgres(connection) = pooled.connection() else {
        return None;
    };
    let load = timeout_at(deadline, read_load(connection, &host)).await;
    let load = load.ok()?.ok()?;
    pooled.set_state(ConnectionState::Clean);
    Some(load)
}

fn share_of(load: &ServerLoad, module: &str) -> Option<u32> {
    let mut budgets = load.budgets.iter();
    let own = budgets.find(|budget| budget.process == this_process() && budget.module == module);
    own.map(|budget| load.share(budget))
}
