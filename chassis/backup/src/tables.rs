//! Tables of a module's data as the database lists them. The module's own declaration is not consulted.

use std::collections::{BTreeMap, BTreeSet};

use offshoot_db::sql;
use sqlx::Error;

use crate::connection::{Connection, quoted};
use crate::manifest::TableEntry;

/// Tables about owners, processes and positions: rows in these tables are not content of the module.
const BOOKKEEPING: [&str; 5] = [
    "offshoot_owner",
    "offshoot_migrations",
    "offshoot_log",
    "offshoot_replicas",
    "offshoot_leases",
];

/// Lists table names, referenced tables before referencing ones.
pub(crate) async fn list_tables(connection: &mut Connection) -> Result<Vec<String>, Error> {
    let all = sql!(
        sqlite: "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'virtual') \
                 AND name NOT IN ('sqlite_schema') ORDER BY name",
        postgres: "SELECT relname::text FROM pg_class WHERE relnamespace = current_schema()::regnamespace \
                   AND relkind = 'r' ORDER BY relname COLLATE \"C\"",
    );
    let all: Vec<(String,)> = connection.fetch_all(all, ()).await?;
    let references = sql!(
        sqlite: "SELECT t.name, f.\"table\" FROM pragma_table_list t, pragma_foreign_key_list(t.name) f WHERE t.schema = 'main'",
        postgres: "SELECT f.relname::text, t.relname::text FROM pg_constraint c JOIN pg_class f ON f.oid = c.conrelid \
                   JOIN pg_class t ON t.oid = c.confrelid \
                   WHERE c.contype = 'f' AND f.relnamespace = current_schema()::regnamespace",
    );
    let references: Vec<(String, String)> = connection.fetch_all(references, ()).await?;
    Ok(sort_by_references(
        all.into_iter().map(|(name,)| name).collect(),
        &references,
    ))
}

/// Sorts tables by their references. Tables in a reference cycle come last, by name.
fn sort_by_references(all: Vec<String>, references: &[(String, String)]) -> Vec<String> {
    let mut open: BTreeSet<_> = all.into_iter().collect();
    let mut sorted = Vec::new();
    loop {
        let waits = |name: &&String| {
            let of = references.iter().filter(|(from, to)| from == *name && from != to);
            of.map(|(_, to)| to).any(|to| open.contains(to))
        };
        let ready: Vec<_> = open.iter().filter(|name| !waits(name)).cloned().collect();
        if ready.is_empty() {
            sorted.extend(open);
            return sorted;
        }
        for name in ready {
            open.remove(&name);
            sorted.push(name);
        }
    }
}

/// Lists the stored columns of a table. On Postgres generated columns are left out.
pub(crate) async fn list_columns(connection: &mut Connection, table: &str) -> Result<Vec<String>, Error> {
    let sql = sql!(
        sqlite: "SELECT name FROM pragma_table_info($1)",
        postgres: "SELECT a.attname::text FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid \
                   WHERE c.relname = $1 AND c.relnamespace = current_schema()::regnamespace \
                   AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' ORDER BY a.attnum",
    );
    let rows: Vec<(String,)> = connection.fetch_all(sql, (table,)).await?;
    Ok(rows.into_iter().map(|(name,)| name).collect())
}

/// Reads the last value of each sequence of the schema, and whether the sequence was ever called. Postgres only.
pub(crate) async fn read_sequences(connection: &mut Connection) -> Result<BTreeMap<String, (i64, bool)>, Error> {
    let sql = sql!(
        sqlite: "SELECT '' WHERE false",
        postgres: "SELECT relname::text FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind = 'S'",
    );
    let names: Vec<(String,)> = connection.fetch_all(sql, ()).await?;
    let mut all = BTreeMap::new();
    for (name,) in names {
        let from = quoted(&name);
        let last = connection
            .fetch_number(format!("SELECT last_value FROM {from}"))
            .await?;
        let called = connection
            .fetch_number(format!("SELECT CAST(is_called AS integer)::bigint FROM {from}"))
            .await?;
        all.insert(name, (last, called == 1));
    }
    Ok(all)
}

/// Counts the rows of every table.
pub(crate) async fn count_rows(connection: &mut Connection) -> Result<Vec<TableEntry>, Error> {
    let mut all = Vec::new();
    for name in list_tables(connection).await? {
        let rows = connection
            .fetch_number(format!("SELECT count(*) FROM {}", quoted(&name)))
            .await?;
        all.push(TableEntry {
            name,
            rows: rows.unsigned_abs(),
            columns: Vec::new(),
            file: None,
        });
    }
    Ok(all)
}

/// Whether the module has content. A freshly migrated schema has no content.
pub(crate) async fn has_content(connection: &mut Connection) -> Result<bool, Error> {
    for name in list_tables(connection).await? {
        // SQLite's internal and shadow tables have rows from the start.
        if BOOKKEEPING.contains(&&*name) || name.starts_with("sqlite_") || is_shadow(connection, &name).await? {
            continue;
        }
        let any = format!(
            "SELECT count(*) FROM (SELECT 1 FROM {} LIMIT 1) AS first",
            quoted(&name)
        );
        if connection.fetch_number(any).await? > 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether `name` is a virtual table of SQLite or a shadow table of one: the rows follow from another table.
async fn is_shadow(connection: &mut Connection, name: &str) -> Result<bool, Error> {
    let sql = sql!(
        sqlite: "SELECT count(*) FROM pragma_table_list WHERE schema = 'main' AND name = $1 AND type IN ('virtual', 'shadow')",
        postgres: "SELECT count(*) FROM pg_class WHERE relname = $1 AND relkind = 'v' AND false",
    );
    let (count,): (i64,) = connection.fetch_one(sql, (name,)).await?;
    Ok(count > 0)
}

#[cfg(test)]
mod tests {
    use super::sort_by_references;

    #[test]
    fn referenced_tables_come_first() {
        let names = ["a", "b", "c", "d"].map(str::to_owned).to_vec();
        let refers = [("a", "b"), ("b", "d"), ("c", "c")].map(|(from, to)| (from.to_owned(), to.to_owned()));
        assert_eq!(sort_by_references(names, &refers), ["c", "d", "b", "a"]);
    }

    #[test]
    fn a_reference_cycle_terminates() {
        let names = ["a", "b"].map(str::to_owned).to_vec();
        let refers = [("a", "b"), ("b", "a")].map(|(from, to)| (from.to_owned(), to.to_owned()));
        assert_eq!(sort_by_references(names, &refers), ["a", "b"]);
    }
}
