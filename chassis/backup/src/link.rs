//! One connection to a module's data, past its pools and guards: to read a snapshot, or to put one back while nobody else
//! works on it.

use offshoot_db::{DatabaseUrl, Engine, Params, Row, Sql};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection as _, SqlSafeStr as _, SqlStr};
use std::path::Path;
use std::time::Duration;

use crate::{BackupError, ModuleData};

/// How long to wait for whoever changes the file at this moment.
const BUSY: Duration = Duration::from_secs(5);

/// A connection.
pub(crate) enum Link {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Link {
    /// To read the module's data as it is; none if there is none.
    pub(crate) async fn to_read(data: &ModuleData) -> Result<Option<Self>, BackupError> {
        let failed = |cause| failed(data, "connecting", cause);
        match &data.url {
            DatabaseUrl::Sqlite(_) => {
                let Some(file) = data.file().filter(|file| file.exists()) else {
                    return Ok(None);
                };
                let options = SqliteConnectOptions::new().filename(file).read_only(true);
                let connection = SqliteConnection::connect_with(&options.busy_timeout(BUSY)).await;
                let mut link = Self::Sqlite(connection.map_err(failed)?);
                Ok(link.has_table("offshoot_owner").await.map_err(failed)?.then_some(link))
            }
            DatabaseUrl::Postgres(login) => {
                let mut link = Self::Postgres(connect(login, data.name()).await.map_err(failed)?);
                if !link.has_schema(data.name()).await.map_err(failed)? {
                    return Ok(None);
                }
                // The role that works there reads everything, and whoever may serve the store may back it up.
                let name = quoted(data.name());
                let session = format!("SET ROLE {name}; SET search_path TO {name}; SET statement_timeout TO 0");
                link.script(&session).await.map_err(failed)?;
                Ok(link.has_table("offshoot_owner").await.map_err(failed)?.then_some(link))
            }
        }
    }

    /// To read a file that nobody changes.
    pub(crate) async fn to_read_file(file: &Path) -> Result<Self, sqlx::Error> {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .read_only(true)
            .immutable(true);
        Ok(Self::Sqlite(SqliteConnection::connect_with(&options).await?))
    }

    /// To change a file that nobody else has.
    pub(crate) async fn to_change_file(file: &Path) -> Result<Self, sqlx::Error> {
        let options = SqliteConnectOptions::new().filename(file).create_if_missing(false);
        Ok(Self::Sqlite(SqliteConnection::connect_with(&options).await?))
    }

    /// With the rights of the login itself, which has to be the one that migrates.
    pub(crate) async fn as_owner(login: &PgConnectOptions, module: &str) -> Result<Self, sqlx::Error> {
        Ok(Self::Postgres(connect(login, module).await?))
    }

    pub(crate) fn engine(&self) -> Engine {
        match self {
            Link::Sqlite(_) => Engine::Sqlite,
            Link::Postgres(_) => Engine::Postgres,
        }
    }

    /// All rows.
    pub(crate) async fn all<'q, T: Row>(&mut self, sql: Sql, params: impl Params<'q>) -> Result<Vec<T>, sqlx::Error> {
        let text = sql.text(self.engine()).into_sql_str();
        self.rows(text, params).await
    }

    /// The first row.
    pub(crate) async fn one<'q, T: Row>(&mut self, sql: Sql, params: impl Params<'q>) -> Result<T, sqlx::Error> {
        self.all(sql, params).await?.pop().ok_or(sqlx::Error::RowNotFound)
    }

    /// The one number that a statement with a name in it answers: names cannot be parameters.
    pub(crate) async fn number(&mut self, text: String) -> Result<i64, sqlx::Error> {
        let rows: Vec<(i64,)> = self.rows(AssertSqlSafe(text).into_sql_str(), ()).await?;
        rows.first().map(|row| row.0).ok_or(sqlx::Error::RowNotFound)
    }

    async fn rows<'q, T: Row>(&mut self, text: SqlStr, params: impl Params<'q>) -> Result<Vec<T>, sqlx::Error> {
        match self {
            Link::Sqlite(connection) => {
                let arguments = params.sqlite().map_err(sqlx::Error::Encode)?;
                sqlx::query_as_with(text, arguments).fetch_all(connection).await
            }
            Link::Postgres(connection) => {
                let arguments = params.postgres().map_err(sqlx::Error::Encode)?;
                sqlx::query_as_with(text, arguments).fetch_all(connection).await
            }
        }
    }

    /// Carries a statement out.
    pub(crate) async fn run<'q>(&mut self, sql: Sql, params: impl Params<'q>) -> Result<(), sqlx::Error> {
        let text = sql.text(self.engine()).into_sql_str();
        match self {
            Link::Sqlite(connection) => {
                let arguments = params.sqlite().map_err(sqlx::Error::Encode)?;
                sqlx::query_with(text, arguments).execute(connection).await.map(drop)
            }
            Link::Postgres(connection) => {
                let arguments = params.postgres().map_err(sqlx::Error::Encode)?;
                sqlx::query_with(text, arguments).execute(connection).await.map(drop)
            }
        }
    }

    /// Carries out any number of statements without parameters. What is put together of names quotes them.
    pub(crate) async fn script(&mut self, text: &str) -> Result<(), sqlx::Error> {
        let script = sqlx::raw_sql(AssertSqlSafe(text.to_owned()));
        match self {
            Link::Sqlite(connection) => script.execute(connection).await.map(drop),
            Link::Postgres(connection) => script.execute(connection).await.map(drop),
        }
    }

    /// Whether there is such a table.
    pub(crate) async fn has_table(&mut self, name: &str) -> Result<bool, sqlx::Error> {
        let sql = offshoot_db::sql!(
            sqlite: "SELECT count(*) FROM sqlite_schema WHERE name = $1",
            postgres: "SELECT count(*) FROM pg_class WHERE relname = $1 AND relnamespace = to_regnamespace(current_schema())",
        );
        let (count,): (i64,) = self.one(sql, (name,)).await?;
        Ok(count > 0)
    }

    /// Whether there is such a schema, on Postgres.
    pub(crate) async fn has_schema(&mut self, name: &str) -> Result<bool, sqlx::Error> {
        let sql = offshoot_db::sql!(
            sqlite: "SELECT 0 WHERE $1 IS NULL",
            postgres: "SELECT count(*) FROM pg_namespace WHERE nspname = $1",
        );
        let (count,): (i64,) = self.one(sql, (name,)).await?;
        Ok(count > 0)
    }

    pub(crate) async fn close(self) -> Result<(), sqlx::Error> {
        match self {
            Link::Sqlite(connection) => connection.close().await,
            Link::Postgres(connection) => connection.close().await,
        }
    }
}

async fn connect(login: &PgConnectOptions, module: &str) -> Result<PgConnection, sqlx::Error> {
    // Another name than processes of the store have, who are looked for by theirs.
    let login = login.clone().application_name(&format!("offshoot-backup {module}"));
    PgConnection::connect_with(&login).await
}

/// A name as an identifier.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// What of the module's data failed.
pub(crate) fn failed(data: &ModuleData, what: impl Into<String>, cause: sqlx::Error) -> BackupError {
    BackupError::Database {
        module: data.name().to_owned(),
        what: what.into(),
        place: data.url.to_string(),
        cause,
    }
}
