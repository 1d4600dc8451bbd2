//! `offshoot db`: the schemas of the modules whose data this process may open.

use std::fmt::Write as _;

use anyhow::Result;
use clap::Subcommand;
use serde::Serialize;

use offshoot_db::{DatabaseUrl, DbOptions, MigrationState, ModuleSchema, migrate, status};

use super::print;
use crate::config::{ModulePlacement, Settings};
use crate::serve::host::database_url;
use crate::wiring;

#[derive(Debug, Subcommand)]
pub(super) enum DbCommand {
    /// Bring the schemas up to date. The login needs the right to create roles and schemas.
    #[command(after_help = "Example:\n  offshoot db migrate --database postgres://admin@localhost/store")]
    Migrate,

    /// Print how every migration stands.
    #[command(after_help = "Example:\n  offshoot db status --json")]
    Status,
}

pub(super) async fn run(what: &DbCommand, settings: &Settings, json: bool) -> Result<()> {
    let (rows, nothing) = match what {
        DbCommand::Migrate => (migrate_all(settings).await?, "Every schema was up to date."),
        DbCommand::Status => (status_of_all(settings).await?, "No module keeps its data here."),
    };
    print(&rows, &table(&rows, nothing), json)
}

/// One migration of one module.
#[derive(Debug, Serialize)]
struct Row {
    module: &'static str,
    database: String,
    set: String,
    version: u32,
    name: String,
    state: String,
}

async fn migrate_all(settings: &Settings) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (schema, url) in schemas(settings)? {
        for applied in migrate(schema, &url, &DbOptions::default()).await?.applied {
            rows.push(Row {
                module: schema.module,
                database: url.to_string(),
                set: applied.set,
                version: applied.version,
                name: applied.name,
                state: "applied now".to_owned(),
            });
        }
    }
    Ok(rows)
}

async fn status_of_all(settings: &Settings) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (schema, url) in schemas(settings)? {
        for status in status(schema, &url, &DbOptions::default()).await? {
            rows.push(Row {
                module: schema.module,
                database: url.to_string(),
                set: status.migration.set,
                version: status.migration.version,
                name: status.migration.name,
                state: match status.state {
                    MigrationState::Applied(at) => format!("applied {at}"),
                    MigrationState::Missing => "missing".to_owned(),
                    MigrationState::Changed => "applied with another text".to_owned(),
                    MigrationState::Unknown => "applied, unknown to this binary".to_owned(),
                },
            });
        }
    }
    Ok(rows)
}

/// Those of modules that run elsewhere are looked after there.
pub(super) fn schemas(settings: &Settings) -> Result<Vec<(&'static ModuleSchema, DatabaseUrl)>> {
    let runs_elsewhere = |module: &str| {
        settings
            .modules
            .get(module)
            .is_some_and(|module| module.placement == ModulePlacement::Remote)
    };
    let here = wiring::schemas()
        .into_iter()
        .filter(|schema| !runs_elsewhere(schema.module));
    here.map(|schema| Ok((schema, database_url(settings, schema.module)?)))
        .collect()
}

fn table(rows: &[Row], nothing: &str) -> String {
    if rows.is_empty() {
        return nothing.to_owned();
    }
    let mut table = String::new();
    for Row {
        module,
        database,
        set,
        name,
        state,
        ..
    } in rows
    {
        // Writing to a string cannot fail.
        let _ = writeln!(table, "{module:10} {set:10} {name:24} {state:40} {database}");
    }
    table.trim_end().to_owned()
}
