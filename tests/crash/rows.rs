//! The tables of a module, read behind the store's back.

use offshoot_tests::Data;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection};

/// The one column of text that a query answers, row by row. `{m}` stands before the name of a table of the module.
pub(super) async fn texts(data: &Data, module: &str, sql: &str) -> Vec<String> {
    let rows = match data.database() {
        Some(url) => {
            let mut connection = PgConnection::connect(url).await.expect("the server is there");
            let sql = AssertSqlSafe(sql.replace("{m}", &format!("{module}.")));
            sqlx::query_scalar(sql).fetch_all(&mut connection).await
        }
        None => {
            let url = format!("sqlite:{}", data.folder().join(format!("{module}.db")).display());
            let mut connection = SqliteConnection::connect(&url).await.expect("the file is there");
            let sql = AssertSqlSafe(sql.replace("{m}", ""));
            sqlx::query_scalar(sql).fetch_all(&mut connection).await
        }
    };
    rows.unwrap_or_else(|error| panic!("{module}: {sql}: {error}"))
}

/// The SQL of a UUID as 32 digits, which is the same on both engines.
pub(super) fn digits(data: &Data, column: &str) -> String {
    match data.database() {
        Some(_) => format!("replace(CAST({column} AS text), '-', '')"),
        None => format!("lower(hex({column}))"),
    }
}

/// Every row of a table as a text, in an order of its own.
pub(super) async fn dump(data: &Data, module: &str, table: &str) -> Vec<String> {
    let row = if data.database().is_some() {
        "CAST(it AS text)".to_owned()
    } else {
        let columns = format!("SELECT 'quote(' || name || ')' FROM pragma_table_info('{table}')");
        texts(data, module, &columns).await.join(" || ',' || ")
    };
    let mut rows = texts(data, module, &format!("SELECT {row} FROM {{m}}{table} it")).await;
    rows.sort_unstable();
    rows
}
