//! Compares the tables declared in a module's `tables.toml` with the live schema.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use offshoot_contract::CallContext;
use serde::Deserialize;

use crate::db::Db;
use crate::open_error::OpenError;
use crate::sql;
use crate::statement::Engine;

/// Prefix of the chassis's own tables, which no module declares.
const CHASSIS_PREFIX: &str = "offshoot_";

/// Content of a module's `tables.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tables {
    #[serde(default)]
    tables: BTreeMap<String, Table>,
}

/// One table: `kind = "owned"`, or `kind = "derived"` with `rebuilt = "<command>"`. A table of one engine only, such as
/// a full-text index, has `engines = ["sqlite"]`.
#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
enum Table {
    Owned {
        #[serde(default)]
        engines: Option<Vec<EngineName>>,
    },
    Derived {
        /// How operators rebuild the table: a command, or the event that fills the table.
        #[expect(dead_code, reason = "required in the file, read by people")]
        rebuilt: String,
        #[serde(default)]
        engines: Option<Vec<EngineName>>,
    },
}

#[derive(Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum EngineName {
    Sqlite,
    Postgres,
}

impl Table {
    fn is_on(&self, engine: Engine) -> bool {
        let name = match engine {
            Engine::Sqlite => EngineName::Sqlite,
            Engine::Postgres => EngineName::Postgres,
        };
        let (Table::Owned { engines } | Table::Derived { engines, .. }) = self;
        engines.as_ref().is_none_or(|engines| engines.contains(&name))
    }
}

/// Returns the differences between `tables.toml` and the live schema, one sentence each; empty if they agree.
///
/// SQLite's internal tables of a full-text index count as part of the index. Tables of the chassis need no declaration.
pub async fn check_tables(db: &Db) -> Result<Vec<String>, OpenError> {
    let module = db.module();
    let invalid = |reason: &dyn fmt::Display| OpenError::InvalidTablesFile {
        module,
        reason: reason.to_string(),
    };
    let declared: Tables = toml::from_str(db.schema().tables).map_err(|error| invalid(&error))?;
    let mut cx = CallContext::root("tables");
    let mut read = db.read(&mut cx).await.map_err(|error| invalid(&error))?;
    let rows: Vec<(String,)> = read
        .fetch_all(
            sql!(
                sqlite: "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'virtual') \
                         AND name NOT IN ('sqlite_schema', 'sqlite_sequence', 'sqlite_stat1', 'sqlite_stat4')",
                postgres: "SELECT relname::text FROM pg_class \
                           WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')"
            ),
            (),
        )
        .await
        .map_err(|error| invalid(&error))?;
    let live: BTreeSet<_> = rows.into_iter().map(|(name,)| name).collect();
    let expected = declared.tables.iter().filter(|(_, table)| table.is_on(db.engine()));
    let expected: BTreeSet<_> = expected.map(|(name, _)| name.clone()).collect();
    let missing = expected
        .difference(&live)
        .map(|name| format!("{module}: tables.toml declares `{name}`, but the schema has no such table"));
    let undeclared = live
        .difference(&expected)
        .filter(|name| !name.starts_with(CHASSIS_PREFIX));
    let undeclared = undeclared
        .map(|name| format!("{module}: the schema has the table `{name}`, but tables.toml does not declare it"));
    Ok(missing.chain(undeclared).collect())
}
