//! A single database connection to a module's data, without pools and transaction guards. Backup uses the connection to
//! read snapshots, and restore to write while no process uses the data.

use std::path::Path;

use offshoot_db::{DatabaseUrl, Engine, Params, PostgresLogin, Row, Sql};
use sqlx::postgres::PgConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection as _, SqlSafeStr as _, SqlStr};

use crate::ModuleData;
use crate::error::BackupError;
use crate::limits::BUSY_TIMEOUT;

/// A connection to either engine.
pub(crate) enum Connection {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Connection {
    /// Connects to the module's data read-only; `None` if there is no data.
    pub(crate) async fn open_data(data: &ModuleData) -> Result<Option<Self>, BackupError> {
        let database_error = |cause| database_error(data, "connecting", cause);
        match &data.url {
            DatabaseUrl::Sqlite(_) => {
                let Some(file) = data.file().filter(|file| file.exists()) else {
                    return Ok(None);
                };
                let options = SqliteConnectOptions::new().filename(file).read_only(true);
                let connection = SqliteConnection::connect_with(&options.busy_timeout(BUSY_TIMEOUT)).await;
                let mut connection = Self::Sqlite(connection.map_err(database_error)?);
                Ok(connection
                    .has_table("offshoot_owner")
                    .await
                    .map_err(database_error)?
                    .then_some(connection))
            }
            DatabaseUrl::Postgres(login) => {
                let mut connection = Self::Postgres(connect(login, data.name()).await.map_err(database_error)?);
                if !connection.has_schema(data.name()).await.map_err(database_error)? {
                    return Ok(None);
                }
                // The runtime role can read every table, so any login that may serve the store may back it up.
                let name = quoted(data.name());
                let session = format!("SET ROLE {name}; SET search_path TO {name}; SET statement_timeout TO 0");
                connection.execute_script(&session).await.map_err(database_error)?;
                Ok(connection
                    .has_table("offshoot_owner")
                    .await
                    .map_err(database_error)?
                    .then_some(connection))
            }
        }
    }

    /// Opens a snapshot file that no process changes.
    pub(crate) async fn open_snapshot(file: &Path) -> Result<Self, sqlx::Error> {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .read_only(true)
            .immutable(true);
        Ok(Self::Sqlite(SqliteConnection::connect_with(&options).await?))
    }

    /// Opens a file for writing. No other process may use the file.
    pub(crate) async fn open_for_writing(file: &Path) -> Result<Self, sqlx::Error> {
        let options = SqliteConnectOptions::new().filename(file).create_if_missing(false);
        Ok(Self::Sqlite(SqliteConnection::connect_with(&options).await?))
    }

    /// Connects to Postgres with the rights of `login`, which must be allowed to migrate.
    pub(crate) async fn connect_as(login: &PostgresLogin, module: &str) -> Result<Self, sqlx::Error> {
        Ok(Self::Postgres(connect(login, module).await?))
    }

    pub(crate) fn engine(&self) -> Engine {
        match self {
            Connection::Sqlite(_) => Engine::Sqlite,
            Connection::Postgres(_) => Engine::Postgres,
        }
    }

    /// Fetches all rows.
    pub(crate) async fn fetch_all<'q, T: Row>(
        &mut self,
        sql: Sql,
        params: impl Params<'q>,
    ) -> Result<Vec<T>, sqlx::Error> {
        let text = sql.text(self.engine()).into_sql_str();
        self.rows(text, params).await
    }

    /// Fetches the row of a statement that returns one row.
    pub(crate) async fn fetch_one<'q, T: Row>(&mut self, sql: Sql, params: impl Params<'q>) -> Result<T, sqlx::Error> {
        self.fetch_all(sql, params).await?.pop().ok_or(sqlx::Error::RowNotFound)
    }

    /// Fetches one number. `text` may contain quoted identifiers, which cannot be bound as parameters.
    pub(crate) async fn fetch_number(&mut self, text: String) -> Result<i64, sqlx::Error> {
        let rows: Vec<(i64,)> = self.rows(AssertSqlSafe(text).into_sql_str(), ()).await?;
        rows.first().map(|row| row.0).ok_or(sqlx::Error::RowNotFound)
    }

    async fn rows<'q, T: Row>(&mut self, text: SqlStr, params: impl Params<'q>) -> Result<Vec<T>, sqlx::Error> {
        match self {
            Connection::Sqlite(connection) => {
                let arguments = params.sqlite().map_err(sqlx::Error::Encode)?;
                sqlx::query_as_with(text, arguments).fetch_all(connection).await
            }
            Connection::Postgres(connection) => {
                let arguments = params.postgres().map_err(sqlx::Error::Encode)?;
                sqlx::query_as_with(text, arguments).fetch_all(connection).await
            }
        }
    }

    /// Executes one statement.
    pub(crate) async fn execute<'q>(&mut self, sql: Sql, params: impl Params<'q>) -> Result<(), sqlx::Error> {
        let text = sql.text(self.engine()).into_sql_str();
        match self {
            Connection::Sqlite(connection) => {
                let arguments = params.sqlite().map_err(sqlx::Error::Encode)?;
                sqlx::query_with(text, arguments).execute(connection).await.map(drop)
            }
            Connection::Postgres(connection) => {
                let arguments = params.postgres().map_err(sqlx::Error::Encode)?;
                sqlx::query_with(text, arguments).execute(connection).await.map(drop)
            }
        }
    }

    /// Executes any number of statements without parameters. The caller quotes identifiers in `text`.
    pub(crate) async fn execute_script(&mut self, text: &str) -> Result<(), sqlx::Error> {
        let script = sqlx::raw_sql(AssertSqlSafe(text.to_owned()));
        match self {
            Connection::Sqlite(connection) => script.execute(connection).await.map(drop),
            Connection::Postgres(connection) => script.execute(connection).await.map(drop),
        }
    }

    /// Whether the current schema has a table called `name`.
    pub(crate) async fn has_table(&mut self, name: &str) -> Result<bool, sqlx::Error> {
        let sql = offshoot_db::sql!(
            sqlite: "SELECT count(*) FROM sqlite_schema WHERE name = $1",
            postgres: "SELECT count(*) FROM pg_class WHERE relname = $1 AND relnamespace = to_regnamespace(current_schema())",
        );
        let (count,): (i64,) = self.fetch_one(sql, (name,)).await?;
        Ok(count > 0)
    }

    /// Whether the Postgres database has a schema called `name`.
    pub(crate) async fn has_schema(&mut self, name: &str) -> Result<bool, sqlx::Error> {
        let sql = offshoot_db::sql!(
            sqlite: "SELECT 0 WHERE $1 IS NULL",
            postgres: "SELECT count(*) FROM pg_namespace WHERE nspname = $1",
        );
        let (count,): (i64,) = self.fetch_one(sql, (name,)).await?;
        Ok(count > 0)
    }

    pub(crate) async fn close(self) -> Result<(), sqlx::Error> {
        match self {
            Connection::Sqlite(connection) => connection.close().await,
            Connection::Postgres(connection) => connection.close().await,
        }
    }
}

async fn connect(login: &PostgresLogin, module: &str) -> Result<PgConnection, sqlx::Error> {
    // The application name differs from the names of store processes, by which the guard finds store processes.
    login.connect(&format!("offshoot-backup {module}")).await
}

/// Quotes an identifier.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Error of `operation` on the module's database.
pub(crate) fn database_error(data: &ModuleData, operation: impl Into<String>, cause: sqlx::Error) -> BackupError {
    BackupError::Database {
        module: data.name().to_owned(),
        operation: operation.into(),
        location: data.url.to_string(),
        cause,
    }
}
