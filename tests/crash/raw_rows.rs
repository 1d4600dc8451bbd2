//! Reads the tables of a module directly from the database.

use offshoot_tests::Data;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection};

/// Returns the single text column of a query. `{m}` stands before the name of a module's table.
pub(super) async fn select_texts(data: &Data, module: &str, sql: &str) -> Vec<String> {
    let rows = match data.database() {
        Some(url) => {
            let mut connection = PgConnection::connect(url).await.expect("Postgres answers");
            let sql = AssertSqlSafe(sql.replace("{m}", &format!("{module}.")));
            sqlx::query_scalar(sql).fetch_all(&mut connection).await
        }
        None => {
            let url = format!("sqlite:{}", data.folder().join(format!("{module}.db")).display());
            let mut connection = SqliteConnection::connect(&url).await.expect("the database file opens");
            let sql = AssertSqlSafe(sql.replace("{m}", ""));
            sqlx::query_scalar(sql).fetch_all(&mut connection).await
        }
    };
    rows.unwrap_or_else(|error| panic!("{module}: {sql}: {error}"))
}

/// A SQL expression for a UUID as 32 hexadecimal digits, the same text on both engines.
pub(super) fn uuid_digits(data: &Data, column: &str) -> String {
    match data.database() {
        Some(_) => format!("replace(CAST({column} AS text), '-', '')"),
        None => format!("lower(hex({column}))"),
    }
}

/// Returns every row of a table as text, sorted.
pub(super) async fn dump_rows(data: &Data, module: &str, table: &str) -> Vec<String> {
    let row = if data.database().is_some() {
        "CAST(it AS text)".to_owned()
    } else {
        let columns = format!("SELECT 'quote(' || name || ')' FROM pragma_table_info('{table}')");
        select_texts(data, module, &columns).await.join(" || ',' || ")
    };
    let mut rows = select_texts(data, module, &format!("SELECT {row} FROM {{m}}{table} it")).await;
    rows.sort_unstable();
    rows
}
