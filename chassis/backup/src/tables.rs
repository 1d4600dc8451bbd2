//! The tables that a module's data really has, as its engine lists them and not as anybody declared.

use std::collections::{BTreeMap, BTreeSet};

use offshoot_db::sql;
use sqlx::Error;

use crate::TableEntry;
use crate::link::{Link, quoted};

/// Tables that say who works here now, or where others stand, not what the module holds.
const TRANSIENT: [&str; 5] = [
    "offshoot_owner",
    "offshoot_migrations",
    "offshoot_log",
    "offshoot_replicas",
    "offshoot_leases",
];

/// Names, those that others refer to before those that refer to them.
pub(crate) async fn names(link: &mut Link) -> Result<Vec<String>, Error> {
    let all = sql!(
        sqlite: "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'virtual') \
                 AND name NOT IN ('sqlite_schema') ORDER BY name",
        postgres: "SELECT relname::text FROM pg_class WHERE relnamespace = current_schema()::regnamespace \
                   AND relkind = 'r' ORDER BY relname COLLATE \"C\"",
    );
    let all: Vec<(String,)> = link.all(all, ()).await?;
    let references = sql!(
        sqlite: "SELECT t.name, f.\"table\" FROM pragma_table_list t, pragma_foreign_key_list(t.name) f WHERE t.schema = 'main'",
        postgres: "SELECT f.relname::text, t.relname::text FROM pg_constraint c JOIN pg_class f ON f.oid = c.conrelid \
                   JOIN pg_class t ON t.oid = c.confrelid \
                   WHERE c.contype = 'f' AND f.relnamespace = current_schema()::regnamespace",
    );
    let references: Vec<(String, String)> = link.all(references, ()).await?;
    Ok(sorted(all.into_iter().map(|(name,)| name).collect(), &references))
}

/// Tables in a circle come last, by name.
fn sorted(all: Vec<String>, references: &[(String, String)]) -> Vec<String> {
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

/// Columns that hold what was written, on Postgres.
pub(crate) async fn columns(link: &mut Link, table: &str) -> Result<Vec<String>, Error> {
    let sql = sql!(
        sqlite: "SELECT name FROM pragma_table_info($1)",
        postgres: "SELECT a.attname::text FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid \
                   WHERE c.relname = $1 AND c.relnamespace = current_schema()::regnamespace \
                   AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' ORDER BY a.attnum",
    );
    let rows: Vec<(String,)> = link.all(sql, (table,)).await?;
    Ok(rows.into_iter().map(|(name,)| name).collect())
}

/// Where each sequence of the schema stands, on Postgres.
pub(crate) async fn sequences(link: &mut Link) -> Result<BTreeMap<String, (i64, bool)>, Error> {
    let sql = sql!(
        sqlite: "SELECT '' WHERE false",
        postgres: "SELECT relname::text FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind = 'S'",
    );
    let names: Vec<(String,)> = link.all(sql, ()).await?;
    let mut all = BTreeMap::new();
    for (name,) in names {
        let from = quoted(&name);
        let last = link.number(format!("SELECT last_value FROM {from}")).await?;
        let called = link
            .number(format!("SELECT CAST(is_called AS integer)::bigint FROM {from}"))
            .await?;
        all.insert(name, (last, called == 1));
    }
    Ok(all)
}

/// Every table with the number of its rows.
pub(crate) async fn counted(link: &mut Link) -> Result<Vec<TableEntry>, Error> {
    let mut all = Vec::new();
    for name in names(link).await? {
        let rows = link.number(format!("SELECT count(*) FROM {}", quoted(&name))).await?;
        all.push(TableEntry {
            name,
            rows: rows.unsigned_abs(),
            columns: Vec::new(),
            file: None,
        });
    }
    Ok(all)
}

/// Whether the module holds anything: a schema that was only migrated does not.
pub(crate) async fn has_content(link: &mut Link) -> Result<bool, Error> {
    for name in names(link).await? {
        // What SQLite keeps beside a table is there from the start.
        if TRANSIENT.contains(&&*name) || name.starts_with("sqlite_") || is_shadow(link, &name).await? {
            continue;
        }
        let any = format!(
            "SELECT count(*) FROM (SELECT 1 FROM {} LIMIT 1) AS first",
            quoted(&name)
        );
        if link.number(any).await? > 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A virtual table, or one that belongs to it: it follows from another one.
async fn is_shadow(link: &mut Link, name: &str) -> Result<bool, Error> {
    let sql = sql!(
        sqlite: "SELECT count(*) FROM pragma_table_list WHERE schema = 'main' AND name = $1 AND type IN ('virtual', 'shadow')",
        postgres: "SELECT count(*) FROM pg_class WHERE relname = $1 AND relkind = 'v' AND false",
    );
    let (count,): (i64,) = link.one(sql, (name,)).await?;
    Ok(count > 0)
}

#[cfg(test)]
mod tests {
    use super::sorted;

    #[test]
    fn what_others_refer_to_comes_first() {
        let names = ["a", "b", "c", "d"].map(str::to_owned).to_vec();
        let refers = [("a", "b"), ("b", "d"), ("c", "c")].map(|(from, to)| (from.to_owned(), to.to_owned()));
        assert_eq!(sorted(names, &refers), ["c", "d", "b", "a"]);
    }

    #[test]
    fn a_circle_ends() {
        let names = ["a", "b"].map(str::to_owned).to_vec();
        let refers = [("a", "b"), ("b", "a")].map(|(from, to)| (from.to_owned(), to.to_owned()));
        assert_eq!(sorted(names, &refers), ["a", "b"]);
    }
}
