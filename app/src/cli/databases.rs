//! The databases of the modules whose data this process may open, for commands that work on tables of the chassis.

use anyhow::{Result, bail};
use offshoot_db::{Db, DbOptions, MigrationState, PgBudget, status};

use super::db::schemas;
use crate::config::Settings;

/// The modules that have data with this migration of the chassis, opened. Opening may make a file and migrate it, and this is
/// for those who only look, so what is not there is left out, and what is behind is an error.
pub(super) async fn with(tables: &str, settings: &Settings, only: Option<&str>) -> Result<Vec<Db>> {
    let mut open = Vec::new();
    let options = DbOptions {
        postgres: PgBudget {
            connections: 1,
            modules: 1,
        },
        ..DbOptions::default()
    };
    for (schema, url) in schemas(settings, None)? {
        if only.is_some_and(|only| only != schema.module) {
            continue;
        }
        let migrations = status(schema, &url, &options).await?;
        let ready = |name: &str| {
            let found = migrations.iter().find(|known| known.migration.name == name);
            found.is_some_and(|known| matches!(known.state, MigrationState::Applied(_)))
        };
        let behind = migrations.iter().find(|known| known.state == MigrationState::Missing);
        match behind {
            None if ready(tables) => open.push(Db::open(schema, &url, &options).await?),
            Some(behind) if migrations.iter().any(|known| known.state != MigrationState::Missing) => {
                let (module, name) = (schema.module, &behind.migration.name);
                bail!("the schema of {module} lacks {name}: bring it up to date with `offshoot db migrate`");
            }
            // There is no data at all yet.
            _ => {}
        }
    }
    Ok(open)
}
