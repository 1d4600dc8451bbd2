//! What a module says about its tables, compared with the live schema.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use offshoot_contract::CallContext;
use serde::Deserialize;

use crate::{Db, Engine, OpenError, sql};

/// What starts the names of the chassis's own tables, which no module declares.
const CHASSIS_PREFIX: &str = "offshoot_";

/// A module's `tables.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tables {
    #[serde(default)]
    tables: BTreeMap<String, Table>,
}

/// One table: `kind = "owned"`, or `kind = "derived"` and `rebuilt = "how"`. `engines = ["sqlite"]` if it exists on
/// one engine only, as a full-text index may.
#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
enum Table {
    Owned {
        #[serde(default)]
        engines: Option<Vec<EngineName>>,
    },
    Derived {
        /// For people: a command, or the event that fills it.
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

/// Where `tables.toml` and the live schema differ, one sentence each; empty if they agree.
///
/// The tables that SQLite keeps inside a full-text index count with it; those of the chassis are implied.
pub async fn check_tables(db: &Db) -> Result<Vec<String>, OpenError> {
    let module = db.module();
    let bad = |reason: &dyn fmt::Display| OpenError::BadTables {
        module,
        reason: reason.to_string(),
    };
    let declared: Tables = toml::from_str(db.schema().tables).map_err(|error| bad(&error))?;
    let mut cx = CallContext::root("tables");
    let mut read = db.read(&mut cx).await.map_err(|error| bad(&error))?;
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
        .map_err(|error| bad(&error))?;
    let live: BTreeSet<_> = rows.into_iter().map(|(name,)| name).collect();
    let expected = declared.tables.iter().filter(|(_, table)| table.is_on(db.engine()));
    let expected: BTreeSet<_> = expected.map(|(name, _)| name.clone()).collect();
    let missing = expected
        .difference(&live)
        .map(|name| format!("{module}: tables.toml declares `{name}`, which the schema lacks"));
    let strange = live
        .difference(&expected)
        .filter(|name| !name.starts_with(CHASSIS_PREFIX));
    let strange = strange.map(|name| format!("{module}: the schema has `{name}`, which tables.toml does not declare"));
    Ok(missing.chain(strange).collect())
}
