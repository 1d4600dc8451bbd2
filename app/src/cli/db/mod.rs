//! `offshoot db`: schemas of the modules whose data this configuration may open, and of the control database.

mod passwords;
mod provision;

use std::fmt::Write as _;

use anyhow::Result;
use clap::{Args, Subcommand};
use serde::Serialize;

use offshoot_db::{
    DatabaseUrl, DbOptions, MigrationState, ModuleSchema, OpenError, inspect_isolation, migrate, migration_status,
};

use self::provision::ProvisionArguments;
use super::database_url::url_of;
use super::{control, print};
use crate::config::{ModulePlacement, Settings};
use crate::wiring;

#[derive(Debug, Args)]
pub(super) struct DbArguments {
    #[command(subcommand)]
    command: DbCommand,

    /// Log in to Postgres as this role, in place of the role in each URL. The password comes from PGPASSFILE or
    /// PGPASSWORD.
    #[arg(long = "as", global = true, value_name = "ROLE")]
    login: Option<String>,
}

#[derive(Debug, Subcommand)]
enum DbCommand {
    /// Create schemas, roles and privileges on Postgres, once, as an administrator.
    #[command(after_help = provision::HELP)]
    Provision(ProvisionArguments),

    /// Apply missing migrations. The login acts as the owner of each schema, and creates missing owners if it may.
    #[command(after_help = "\
Creates what is missing on either engine, and changes nothing that is up to date. Exactly one migrator runs at a time.

Examples:
  offshoot db migrate
  offshoot db migrate --database postgres://keeper@localhost/store

Next: `offshoot db status` prints the state of every migration.")]
    Migrate,

    /// Print the state of every migration, and whether Postgres isolates the modules.
    #[command(after_help = "\
Example:
  offshoot db status --json

Next: `offshoot db migrate` applies missing migrations, and `offshoot db provision --logins` isolates the
modules on Postgres.")]
    Status,
}

pub(super) async fn execute(what: &DbArguments, settings: &Settings, json: bool) -> Result<()> {
    let login = what.login.as_deref();
    let (rows, nothing) = match &what.command {
        DbCommand::Provision(provisioning) => {
            let rows = provision::provision_modules(provisioning, settings, login).await?;
            return print(&rows, &provision::text(&rows), json);
        }
        DbCommand::Migrate => (migrate_all(settings, login).await?, "Every schema was up to date."),
        DbCommand::Status => (status_of_all(settings, login).await?, "No module keeps its data here."),
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
    /// Isolation of the module's login; `None` if the login was not inspected.
    isolation: Option<String>,
}

async fn migrate_all(settings: &Settings, login: Option<&str>) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (schema, url) in schemas_with_control(settings, login)? {
        for applied in migrate(schema, &url, &settings.schema_options()).await?.applied {
            rows.push(Row {
                module: schema.module,
                database: url.to_string(),
                set: applied.set,
                version: applied.version,
                name: applied.name,
                state: "applied now".to_owned(),
                isolation: None,
            });
        }
    }
    Ok(rows)
}

async fn status_of_all(settings: &Settings, login: Option<&str>) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (schema, url) in schemas_with_control(settings, login)? {
        let kept = isolation_of(schema, &url).await?;
        for status in migration_status(schema, &url, &DbOptions::default()).await? {
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
                isolation: kept.clone(),
            });
        }
    }
    Ok(rows)
}

/// Describes the isolation of a module; `None` if the schema does not exist yet.
async fn isolation_of(schema: &'static ModuleSchema, url: &DatabaseUrl) -> Result<Option<String>> {
    let found = match inspect_isolation(schema, url).await {
        Err(OpenError::NotMigrated { .. }) => return Ok(None),
        found => found?,
    };
    Ok(Some(match found {
        None => "a file of its own".to_owned(),
        Some(found) if found.is_enforced() => format!("enforced: `{}` reaches nothing else", found.login),
        Some(found) => format!(
            "not enforced: `{}` {} (`offshoot db provision --logins`)",
            found.login,
            found.breaches.join(", ")
        ),
    }))
}

/// Schemas of modules that run in other processes are left to these processes.
pub(super) fn schemas(settings: &Settings, login: Option<&str>) -> Result<Vec<(&'static ModuleSchema, DatabaseUrl)>> {
    let runs_elsewhere = |module: &str| {
        settings
            .modules
            .get(module)
            .is_some_and(|module| module.placement == ModulePlacement::Remote)
    };
    let here = wiring::schemas()
        .into_iter()
        .filter(|schema| !runs_elsewhere(schema.module));
    here.map(|schema| Ok((schema, url_of(schema.module, settings, login)?)))
        .collect()
}

/// Like [`schemas`], and the schema of the control database last, where the store has one.
fn schemas_with_control(settings: &Settings, login: Option<&str>) -> Result<Vec<(&'static ModuleSchema, DatabaseUrl)>> {
    let mut all = schemas(settings, login)?;
    all.extend(control::schema(settings, login)?);
    Ok(all)
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
    let mut modules: Vec<_> = rows
        .iter()
        .filter_map(|row| Some((row.module, row.isolation.as_ref()?)))
        .collect();
    modules.dedup();
    if !modules.is_empty() {
        table.push_str("\nisolation\n");
    }
    for (module, isolation) in modules {
        let _ = writeln!(table, "{module:10} {isolation}");
    }
    table.trim_end().to_owned()
}
