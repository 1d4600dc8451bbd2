//! `offshoot db provision`: creates schemas, roles and privileges on Postgres, as an administrator.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use offshoot_db::{DatabaseUrl, ProvisionOptions, provision};
use serde::Serialize;

use super::passwords::Passwords;
use super::schemas_with_control;
use crate::config::Settings;

/// Long help of the command.
pub(super) const HELP: &str = "\
Creates, for every module with data in Postgres:
  the role NAME_owner, which owns the schema NAME and runs migrations; nobody logs in as it
  the role NAME, which reads and writes the rows of that schema, creates nothing, and reaches no other schema
With `--logins` each module logs in as its own role, and the database itself keeps modules apart. Without it one login
acts as all of them, which is enough for development; there `offshoot db migrate` alone does everything.

The login needs CREATEROLE, and CREATE on the database. Only what is missing is changed, and nothing of others.

Examples:
  offshoot db provision --database postgres://admin@db/store --dry-run
  offshoot db provision --database postgres://admin@db/store --logins --passwords passwords --migrator keeper

Next: `offshoot db migrate --database postgres://keeper@db/store`, then
`offshoot serve --database 'postgres://{module}@db/store'` with PGPASSFILE=passwords.";

#[derive(Debug, Args)]
pub(super) struct ProvisionArguments {
    /// Let the role of each module log in.
    #[arg(long)]
    logins: bool,

    /// Password file of the modules, in the format of PGPASSFILE: host:port:database:user:password. Missing lines get
    /// random passwords; the file is created with mode 0600. Without this flag the server authenticates the roles by
    /// other means.
    #[arg(long, value_name = "FILE", requires = "logins")]
    passwords: Option<PathBuf>,

    /// An existing login that may run migrations, and needs no other privilege.
    #[arg(long, value_name = "ROLE")]
    migrator: Option<String>,

    /// The database serves nobody else: revoke from PUBLIC the privileges to connect, to create temporary tables, and
    /// to create tables in the schema `public`.
    #[arg(long)]
    own_database: bool,

    /// Print the SQL and change nothing.
    #[arg(long)]
    dry_run: bool,
}

/// A missing step.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    module: &'static str,
    database: String,
    /// Description for people.
    done: String,
    sql: String,
    dry_run: bool,
}

pub(super) async fn provision_modules(
    what: &ProvisionArguments,
    settings: &Settings,
    login: Option<&str>,
) -> Result<Vec<Row>> {
    let mut passwords = what.passwords.as_deref().map(Passwords::read).transpose()?;
    let mut work = Vec::new();
    for (schema, url) in schemas_with_control(settings, login)? {
        let password = match (&mut passwords, &url) {
            (Some(passwords), DatabaseUrl::Postgres(server)) => {
                Some(passwords.find_or_create(schema.module, server.host(), server.port(), server.database())?)
            }
            _ => None,
        };
        let options = ProvisionOptions {
            logins: what.logins,
            password,
            migrator: what.migrator.clone(),
            own_database: what.own_database,
            shared: false,
            dry_run: what.dry_run,
        };
        work.push((schema, url, options));
    }
    // A password known only to the server would be lost if this process ended now.
    if let Some(passwords) = passwords.as_mut().filter(|_| !what.dry_run) {
        passwords.keep()?;
    }
    let mut rows = Vec::new();
    for (schema, url, options) in work {
        let steps = provision(schema, &url, &options, &settings.schema_options()).await?;
        rows.extend(steps.into_iter().map(|step| Row {
            module: schema.module,
            database: url.to_string(),
            done: step.description,
            sql: step.sql,
            dry_run: what.dry_run,
        }));
    }
    Ok(rows)
}

pub(super) fn text(rows: &[Row]) -> String {
    if rows.is_empty() {
        return "Everything was there: nothing was changed.".to_owned();
    }
    let mut text = String::new();
    for Row {
        module,
        database,
        done,
        sql,
        dry_run,
    } in rows
    {
        // Writing to a string cannot fail.
        let _ = if *dry_run {
            writeln!(text, "-- {database}: this would have {done}\n{sql};")
        } else {
            writeln!(text, "{module:10} {done}")
        };
    }
    text.trim_end().to_owned()
}
