//! Sessions on a Postgres server: which processes of the store are connected, with which budget, and how many others.
//!
//! Every runtime connection is named after its process, and a process always has one open, so the list of sessions is the
//! roster of all processes on the server, whatever module, login or database they use. A login sees the names of all
//! sessions, but not their kind or address. A killed process disappears with its connections.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use sqlx::postgres::PgConnection;

use crate::server_load::{ModuleBudget, ServerLoad};

/// First word of the name of each runtime connection.
const PREFIX: &str = "offshoot";
/// Characters of a process in the name of a connection: Postgres cuts names at 63 bytes.
const PROCESS_CHARS: usize = 8;

/// Random id of this process on a Postgres server, the same for all its modules.
#[must_use]
pub fn this_process() -> &'static str {
    static PROCESS: OnceLock<String> = OnceLock::new();
    PROCESS.get_or_init(|| {
        // The end of the id is random, the beginning is the time.
        let id = uuid::Uuid::now_v7().simple().to_string();
        id[id.len() - PROCESS_CHARS..].to_owned()
    })
}

/// Name of the connections of a module in this process: `offshoot depot 1a2b3c4d<=32`. A fixed budget has `=` alone.
pub(crate) fn session_name(module: &str, limit: u32, is_fixed: bool) -> String {
    let sign = if is_fixed { "=" } else { "<=" };
    format!("{PREFIX} {module} {}{sign}{limit}", this_process())
}

/// The budget in the name of a connection; `None` for connections of tools and of other programs.
fn parse_session_name(name: &str) -> Option<ModuleBudget> {
    let (module, rest) = name.strip_prefix(PREFIX)?.strip_prefix(' ')?.split_once(' ')?;
    let (process, limit) = rest.split_once('=')?;
    let is_fixed = !process.ends_with('<');
    Some(ModuleBudget {
        module: module.to_owned(),
        process: process.trim_end_matches('<').to_owned(),
        limit: limit.parse().ok()?,
        is_fixed,
        open: 0,
    })
}

/// Reads the connection limit of the server at `address`, and all sessions.
pub(crate) async fn read_load(connection: &mut PgConnection, address: &str) -> Result<ServerLoad, sqlx::Error> {
    // The last setting came with Postgres 16.
    let (limit,): (i64,) = sqlx::query_as(
        "SELECT current_setting('max_connections')::bigint \
              - current_setting('superuser_reserved_connections')::bigint \
              - COALESCE(current_setting('reserved_connections', true)::bigint, 0)",
    )
    .fetch_one(&mut *connection)
    .await?;
    // Processes of the server itself have no database or no user.
    let sessions: Vec<(Option<String>, i64)> = sqlx::query_as(
        "SELECT application_name, count(*) FROM pg_stat_activity \
         WHERE datid IS NOT NULL AND usesysid IS NOT NULL GROUP BY application_name",
    )
    .fetch_all(connection)
    .await?;
    let mut budgets = BTreeMap::new();
    let mut others = 0;
    for (name, open) in sessions {
        let open = u32::try_from(open).unwrap_or(u32::MAX);
        match name.as_deref().and_then(parse_session_name) {
            Some(budget) => {
                let key = (budget.process.clone(), budget.module.clone());
                budgets.entry(key).or_insert(budget).open += open;
            }
            None => others += open,
        }
    }
    Ok(ServerLoad {
        address: address.to_owned(),
        limit: u32::try_from(limit).unwrap_or(0),
        budgets: budgets.into_values().collect(),
        others,
    })
}

#[cfg(test)]
mod tests {
    use super::{parse_session_name, session_name, this_process};

    #[test]
    fn a_connection_is_named_after_module_process_and_budget() {
        for (limit, is_fixed) in [(32, false), (7, true)] {
            let longest = "m".repeat(40);
            let name = session_name(&longest, limit, is_fixed);
            assert!(name.len() <= 63, "{name}");
            let budget = parse_session_name(&name).expect("the name of a module's connection");
            assert_eq!((budget.module, budget.process.as_str()), (longest, this_process()));
            assert_eq!((budget.limit, budget.is_fixed), (limit, is_fixed));
        }
        for other in [
            "",
            "psql",
            "offshoot depot",
            "offshoot-backup depot",
            "offshoot depot 1a2b=x",
        ] {
            assert!(parse_session_name(other).is_none(), "{other}");
        }
    }
}
