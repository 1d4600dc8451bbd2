//! State of a module's data: the rows of all owned tables as text, for detecting changes by a call.

use std::collections::BTreeMap;

use offshoot_db::ModuleSchema;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, SqliteConnection};

use crate::database::DatabaseLocation;

/// Database of a module, and the names of its owned tables.
pub(crate) struct DataState {
    location: DatabaseLocation,
    module: &'static str,
    tables: Vec<String>,
}

impl DataState {
    pub(crate) fn new(schema: &ModuleSchema, location: DatabaseLocation) -> Self {
        let declared: BTreeMap<String, BTreeMap<String, BTreeMap<String, toml::Value>>> =
            toml::from_str(schema.tables).expect("tables.toml contains tables of tables");
        let tables = declared.get("tables").into_iter().flatten();
        let owned = tables.filter(|(_, table)| table.get("kind").and_then(toml::Value::as_str) == Some("owned"));
        Self {
            location,
            module: schema.module,
            tables: owned.map(|(name, _)| name.clone()).collect(),
        }
    }

    /// Reads the rows of each table, sorted.
    pub(crate) async fn read(&self) -> BTreeMap<String, Vec<String>> {
        match &self.location {
            DatabaseLocation::Sqlite(directory) => {
                let file = directory.join(format!("{}.db", self.module));
                let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file);
                let mut connection = options.connect().await.expect("the test database opens");
                let mut state = BTreeMap::new();
                for table in &self.tables {
                    state.insert(table.clone(), sqlite_rows(&mut connection, table).await);
                }
                connection.close().await.expect("the test database closes");
                state
            }
            DatabaseLocation::Postgres { url, .. } => {
                let mut connection = PgConnection::connect(url)
                    .await
                    .expect("the test database accepts connections");
                let mut state = BTreeMap::new();
                for table in &self.tables {
                    let sql = format!("SELECT t::text FROM {}.{table} t ORDER BY 1", self.module);
                    let rows = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(&mut connection).await;
                    state.insert(table.clone(), rows.expect("an owned table is readable"));
                }
                connection.close().await.expect("the test database closes");
                state
            }
        }
    }
}

async fn sqlite_rows(connection: &mut SqliteConnection, table: &str) -> Vec<String> {
    let columns: Vec<String> = sqlx::query_scalar("SELECT name FROM pragma_table_info($1)")
        .bind(table)
        .fetch_all(&mut *connection)
        .await
        .expect("a table has columns");
    let quoted: Vec<_> = columns.iter().map(|column| format!("quote({column})")).collect();
    let sql = format!("SELECT {} FROM {table} ORDER BY 1", quoted.join(" || ', ' || "));
    sqlx::query_scalar(AssertSqlSafe(sql))
        .fetch_all(connection)
        .await
        .expect("an owned table is readable")
}
