//! Baseline: the captured statements of a checkout on sqlx connections, configured like the store's connections.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{AssertSqlSafe, ConnectOptions as _};

use crate::captured::{Captured, Statement};
use crate::shop::Cart;
use crate::store::Store;
use crate::values::{self, Sale};

/// Connection counts of the store: per file on SQLite, per module on Postgres.
const SQLITE_READERS: u32 = 4;
const POSTGRES_CONNECTIONS: u32 = 4;
const MODULES: [&str; 5] = ["catalog", "carts", "orders", "inventory", "payments"];
/// Lock timeout, longer than the store's.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

pub(crate) struct Baseline {
    pools: Pools,
    captured: Captured,
}

/// Connection pools by module.
enum Pools {
    Sqlite {
        writers: HashMap<&'static str, SqlitePool>,
        readers: HashMap<&'static str, SqlitePool>,
    },
    Postgres(HashMap<&'static str, PgPool>),
}

impl Baseline {
    /// Connects to the data of this store.
    pub(crate) async fn connect(store: &Store, captured: Captured) -> Self {
        let pools = match &store.database {
            None => open_sqlite_pools(store).await,
            Some(url) => open_postgres_pools(url).await,
        };
        Self {
            pools: pools.expect("the store's databases open"),
            captured,
        }
    }

    /// Issues the statements of one checkout per cart and returns the duration of each checkout.
    pub(crate) async fn buy(self: Arc<Self>, carts: Vec<Cart>) -> Vec<Duration> {
        let mut times = Vec::with_capacity(carts.len());
        for cart in &carts {
            let sale = Sale::for_cart(cart);
            let began = Instant::now();
            self.check_out(&sale, true).await.expect("the statements succeed");
            times.push(began.elapsed());
        }
        times
    }

    /// Returns the total duration of the confirming transactions of these carts, with or without the published event.
    pub(crate) async fn confirm(&self, carts: &[Cart], publishes: bool) -> Duration {
        let mut total = Duration::ZERO;
        for cart in carts {
            let duration = self.check_out(&Sale::for_cart(cart), publishes).await;
            total += duration.expect("the statements succeed");
        }
        total
    }

    /// Takes a connection per transaction or read. Returns the duration of the confirming transaction. Without
    /// `publishes`, that transaction omits the event.
    async fn check_out(&self, sale: &Sale, publishes: bool) -> Result<Duration, sqlx::Error> {
        let mut confirmed_in = Duration::ZERO;
        let mut rest = &self.captured.statements[..];
        while let Some(first) = rest.first() {
            let length = if first.begins() {
                1 + rest
                    .iter()
                    .position(Statement::commits)
                    .expect("a transaction is committed")
            } else {
                1
            };
            let (transaction, after) = rest.split_at(length);
            rest = after;
            let confirms = transaction.iter().any(Statement::confirms);
            let statements = transaction
                .iter()
                .filter(|statement| publishes || !confirms || !statement.publishes());
            let began = Instant::now();
            match &self.pools {
                Pools::Sqlite { writers, readers } => {
                    let pools = if first.begins() { writers } else { readers };
                    let mut connection = pools[first.module].acquire().await?;
                    for statement in statements {
                        execute_on_sqlite(&mut connection, statement, sale).await?;
                    }
                }
                Pools::Postgres(pools) => {
                    let mut connection = pools[first.module].acquire().await?;
                    for statement in statements {
                        execute_on_postgres(&mut connection, statement, sale).await?;
                    }
                }
            }
            if confirms {
                confirmed_in += began.elapsed();
            }
        }
        Ok(confirmed_in)
    }
}

async fn execute_on_sqlite(
    connection: &mut SqliteConnection,
    statement: &Statement,
    sale: &Sale,
) -> Result<(), sqlx::Error> {
    let text = AssertSqlSafe(Arc::clone(&statement.text));
    if statement.commits() {
        sqlx::raw_sql(text).execute(connection).await?;
        return Ok(());
    }
    let query = sqlx::query_with(text, values::sqlite_arguments(sale.values(statement)));
    if statement.returns_rows() {
        let rows = query.fetch_all(connection).await?.len();
        assert_rows(statement, rows as u64);
    } else {
        let rows = query.execute(connection).await?.rows_affected();
        assert_rows(statement, rows);
    }
    Ok(())
}

async fn execute_on_postgres(
    connection: &mut PgConnection,
    statement: &Statement,
    sale: &Sale,
) -> Result<(), sqlx::Error> {
    if statement.begins() {
        // The store opens the transaction with one simple-protocol message, which takes no parameters.
        let text = with_scope_and_time(&statement.text, sale);
        let rows = sqlx::raw_sql(AssertSqlSafe(text)).fetch_all(connection).await?.len();
        assert_rows(statement, rows as u64);
        return Ok(());
    }
    let text = AssertSqlSafe(Arc::clone(&statement.text));
    if statement.commits() {
        sqlx::raw_sql(text).execute(connection).await?;
        return Ok(());
    }
    let query = sqlx::query_with(text, values::postgres_arguments(sale.values(statement)));
    if statement.returns_rows() {
        let rows = query.fetch_all(connection).await?.len();
        assert_rows(statement, rows as u64);
    } else {
        let rows = query.execute(connection).await?.rows_affected();
        assert_rows(statement, rows);
    }
    Ok(())
}

fn assert_rows(statement: &Statement, rows: u64) {
    assert_eq!(rows, statement.rows, "rows of {}", statement.text);
}

/// Replaces the scope and time in `… offshoot_begin('\x00ff…', 1795490500752361)`.
fn with_scope_and_time(text: &str, sale: &Sale) -> String {
    let (before, values) = text
        .split_once("offshoot_begin(")
        .expect("a transaction begins with offshoot_begin");
    let now = sale.now.as_micros();
    if values.starts_with("NULL") {
        return format!("{before}offshoot_begin(NULL, {now})");
    }
    let scope: String = sale.scope.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{before}offshoot_begin('\\x{scope}', {now})")
}

async fn open_sqlite_pools(store: &Store) -> Result<Pools, sqlx::Error> {
    let (mut writers, mut readers) = (HashMap::new(), HashMap::new());
    for module in MODULES {
        let file = SqliteConnectOptions::new()
            .filename(store.folder.path().join(format!("{module}.db")))
            .foreign_keys(true)
            .pragma("recursive_triggers", "ON")
            .busy_timeout(BUSY_TIMEOUT)
            .disable_statement_logging();
        let writing = file
            .clone()
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full);
        let pool = |size| {
            SqlitePoolOptions::new()
                .max_connections(size)
                .test_before_acquire(false)
        };
        writers.insert(module, pool(1).connect_with(writing).await?);
        readers.insert(module, pool(SQLITE_READERS).connect_with(file.read_only(true)).await?);
    }
    Ok(Pools::Sqlite { writers, readers })
}

async fn open_postgres_pools(url: &str) -> Result<Pools, sqlx::Error> {
    let server: PgConnectOptions = url.parse()?;
    let mut pools = HashMap::new();
    for module in MODULES {
        let session = format!("SET ROLE {module}; SET search_path TO {module}");
        let options = PgPoolOptions::new()
            .max_connections(POSTGRES_CONNECTIONS)
            .test_before_acquire(false)
            .after_connect(move |connection, _| {
                let session = AssertSqlSafe(session.clone());
                Box::pin(async move { sqlx::raw_sql(session).execute(connection).await.map(drop) })
            });
        let pool = options.connect_with(server.clone().disable_statement_logging()).await?;
        pools.insert(module, pool);
    }
    Ok(Pools::Postgres(pools))
}
