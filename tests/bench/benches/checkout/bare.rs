//! The statements of a checkout on bare connections of sqlx, opened as the store opens its own.

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

/// As many connections as the store has. On SQLite, for each file; on Postgres, for each of its five modules.
const SQLITE_READERS: u32 = 4;
const POSTGRES_CONNECTIONS: u32 = 4;
const MODULES: [&str; 5] = ["catalog", "carts", "orders", "inventory", "payments"];
/// Longer than the store waits for a lock.
const BUSY: Duration = Duration::from_secs(10);

pub(crate) struct Bare {
    pools: Pools,
    captured: Captured,
}

/// By module.
enum Pools {
    Sqlite {
        writers: HashMap<&'static str, SqlitePool>,
        readers: HashMap<&'static str, SqlitePool>,
    },
    Postgres(HashMap<&'static str, PgPool>),
}

impl Bare {
    /// To the data of this store.
    pub(crate) async fn connect(store: &Store, captured: Captured) -> Self {
        let pools = match &store.database {
            None => sqlite(store).await,
            Some(url) => postgres(url).await,
        };
        Self {
            pools: pools.expect("what the store opens can be opened"),
            captured,
        }
    }

    /// Issues a checkout's statements for each of these carts.
    pub(crate) async fn buy(self: Arc<Self>, carts: Vec<Cart>) -> Vec<Duration> {
        let mut times = Vec::with_capacity(carts.len());
        for cart in &carts {
            let sale = Sale::of(cart);
            let began = Instant::now();
            self.check_out(&sale, true)
                .await
                .expect("what the store asks for is answered");
            times.push(began.elapsed());
        }
        times
    }

    /// How long the transactions took that confirm these carts' orders, with the event that they announce or without.
    pub(crate) async fn confirm(&self, carts: &[Cart], announces: bool) -> Duration {
        let mut took = Duration::ZERO;
        for cart in carts {
            let confirming = self.check_out(&Sale::of(cart), announces).await;
            took += confirming.expect("what the store asks for is answered");
        }
        took
    }

    /// A connection is taken for a transaction or for a read, and given back after it. Answers how long the transaction took
    /// that confirms the order; without its event, unless it `announces`.
    async fn check_out(&self, sale: &Sale, announces: bool) -> Result<Duration, sqlx::Error> {
        let mut confirming = Duration::ZERO;
        let mut rest = &self.captured.statements[..];
        while let Some(first) = rest.first() {
            let length = if first.begins() {
                1 + rest
                    .iter()
                    .position(Statement::commits)
                    .expect("what begins is committed")
            } else {
                1
            };
            let (together, after) = rest.split_at(length);
            rest = after;
            let confirms = together.iter().any(Statement::confirms);
            let wanted = together
                .iter()
                .filter(|statement| announces || !confirms || !statement.announces());
            let began = Instant::now();
            match &self.pools {
                Pools::Sqlite { writers, readers } => {
                    let pools = if first.begins() { writers } else { readers };
                    let mut connection = pools[first.module].acquire().await?;
                    for statement in wanted {
                        on_sqlite(&mut connection, statement, sale).await?;
                    }
                }
                Pools::Postgres(pools) => {
                    let mut connection = pools[first.module].acquire().await?;
                    for statement in wanted {
                        on_postgres(&mut connection, statement, sale).await?;
                    }
                }
            }
            if confirms {
                confirming += began.elapsed();
            }
        }
        Ok(confirming)
    }
}

async fn on_sqlite(connection: &mut SqliteConnection, statement: &Statement, sale: &Sale) -> Result<(), sqlx::Error> {
    let text = AssertSqlSafe(Arc::clone(&statement.text));
    if statement.commits() {
        sqlx::raw_sql(text).execute(connection).await?;
        return Ok(());
    }
    let query = sqlx::query_with(text, values::sqlite(sale.values(statement)));
    if statement.asks() {
        let rows = query.fetch_all(connection).await?.len();
        check(statement, rows as u64);
    } else {
        let rows = query.execute(connection).await?.rows_affected();
        check(statement, rows);
    }
    Ok(())
}

async fn on_postgres(connection: &mut PgConnection, statement: &Statement, sale: &Sale) -> Result<(), sqlx::Error> {
    if statement.begins() {
        // One message, which takes no parameters.
        let text = with_values(&statement.text, sale);
        let rows = sqlx::raw_sql(AssertSqlSafe(text)).fetch_all(connection).await?.len();
        check(statement, rows as u64);
        return Ok(());
    }
    let text = AssertSqlSafe(Arc::clone(&statement.text));
    if statement.commits() {
        sqlx::raw_sql(text).execute(connection).await?;
        return Ok(());
    }
    let query = sqlx::query_with(text, values::postgres(sale.values(statement)));
    if statement.asks() {
        let rows = query.fetch_all(connection).await?.len();
        check(statement, rows as u64);
    } else {
        let rows = query.execute(connection).await?.rows_affected();
        check(statement, rows);
    }
    Ok(())
}

fn check(statement: &Statement, rows: u64) {
    assert_eq!(rows, statement.rows, "rows of {}", statement.text);
}

/// `… offshoot_begin('\x00ff…', 1795490500752361)` with another key and time.
fn with_values(text: &str, sale: &Sale) -> String {
    let (before, values) = text.split_once("offshoot_begin(").expect("a transaction begins so");
    let now = sale.now.as_micros();
    if values.starts_with("NULL") {
        return format!("{before}offshoot_begin(NULL, {now})");
    }
    let scope: String = sale.scope.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{before}offshoot_begin('\\x{scope}', {now})")
}

async fn sqlite(store: &Store) -> Result<Pools, sqlx::Error> {
    let (mut writers, mut readers) = (HashMap::new(), HashMap::new());
    for module in MODULES {
        let file = SqliteConnectOptions::new()
            .filename(store.folder.path().join(format!("{module}.db")))
            .foreign_keys(true)
            .pragma("recursive_triggers", "ON")
            .busy_timeout(BUSY)
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

async fn postgres(url: &str) -> Result<Pools, sqlx::Error> {
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
