//! Databases of the modules that this configuration may open, for commands that read tables of the chassis.

use anyhow::{Result, bail};
use offshoot_db::{Db, DbOptions, MigrationState, PgBudget, migration_status};

use super::db::schemas;
use crate::config::Settings;

/// Opens the modules whose schema has the chassis migration `tables`. Opening creates a missing file and migrates an
/// old one, which a reading command must not do: modules without data are left out, and an old schema is an error.
pub(super) async fn with(tables: &str, settings: &Settings, only: Option<&str>) -> Result<Vec<Db>> {
    let mut open = Vec::new();
    let options = DbOptions {
        postgres: PgBudget {
            connections: Some(1),
            modules: 1,
        },
        ..DbOptions::default()
    };
    for (schema, url) in schemas(settings, None)? {
        if only.is_some_and(|only| only != schema.module) {
            continue;
        }
        let migrations = migration_status(schema, &url, &options).await?;
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
            // The module has no data yet.
            _ => {}
        }
    }
    Ok(open)
}
