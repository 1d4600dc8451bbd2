//! `offshoot backup`: snapshots of the modules' data, taken while the store serves, and restored.

mod text;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, ensure};
use clap::{Args, Subcommand};
use offshoot_backup::{
    CreateOptions, Manifest, ModuleData, RestoreOptions, create_backup, restore_backup, verify_backup,
};
use offshoot_contract::SystemClock;

use super::db::schemas;
use super::module_name::{built_module, module_or_control};
use super::{control, print};
use crate::config::{ModulePlacement, Settings};

#[derive(Debug, Subcommand)]
pub(super) enum BackupCommand {
    /// Back up the modules' data into a new directory, while the store serves.
    #[command(after_help = "\
Each module's snapshot is consistent. Snapshots are taken callers before callees: stock and payment of every order in a
backup are in the backup too. A later snapshot may contain more, of orders that came in between. The records of
strangler migrations are in the backup of all modules, as `control`.

`manifest.json` is written last; a directory without it is an interrupted backup, and every command refuses it.
SHA256SUMS is for `sha256sum -c`. A backup lacks service keys, link keys, operators, settings, and the payment
provider's ledger. On Postgres any login that may serve the store may back it up.

Examples:
  offshoot backup create --to /backups/2026-11-24
  offshoot backup create --to /backups/orders-before-upgrade --module orders

Next: `offshoot backup verify DIR` checks the backup.")]
    Create {
        /// A directory that does not exist, or is empty.
        #[arg(long, value_name = "DIR")]
        to: PathBuf,

        /// Only this module; may be repeated.
        #[arg(long = "module", value_name = "NAME", value_parser = built_module)]
        modules: Vec<String>,
    },

    /// Check that every file of a backup is complete and readable.
    #[command(after_help = "\
Needs no database. Exit code 1 if a file is missing or damaged.

Example:
  offshoot backup verify /backups/2026-11-24 --json

Next: `offshoot backup restore DIR --dry-run` prints what a restore would do.")]
    Verify {
        /// Directory of the backup.
        directory: PathBuf,
    },

    /// Restore a backup, or one module of a backup, while no process works on the data.
    #[command(after_help = "\
Refuses while a process works on the data. Refuses existing data without `--replace`, which moves the data aside (a file
`<module>.db.replaced-...`, a schema `<module>_replaced_...`). A backup returns to the engine that it came from.

All modules: subscriptions continue at their cursors. Each restored module begins a new log; a subscription that had
read beyond the backup is listed.

One module: its subscriptions continue at their cursors and handle later events again. Subscriptions of other modules to
it are held, each listed with the command that resolves it. `--resync` resolves all: projections are rebuilt, others
continue at the end of the restored log. Open sagas are resumed. Sagas of other modules that changed after the backup
are listed: their effects in the restored module may be lost.

On Postgres the login must be able to create and rename schemas; `--as` names such a role.

Examples:
  offshoot backup restore /backups/2026-11-24 --dry-run
  offshoot backup restore /backups/2026-11-24 --replace
  offshoot backup restore /backups/2026-11-24 --module catalog --replace --resync

Next: `offshoot doctor` compares the modules after the restore.")]
    Restore(RestoreArguments),
}

#[derive(Debug, Args)]
pub(super) struct RestoreArguments {
    /// Directory of the backup.
    directory: PathBuf,

    /// Only this module, or `control` for the records of strangler migrations; may be repeated.
    #[arg(long = "module", value_name = "NAME", value_parser = module_or_control)]
    modules: Vec<String>,

    /// Move existing data aside.
    #[arg(long)]
    replace: bool,

    /// Continue subscriptions of other modules that the restore would hold.
    #[arg(long)]
    resync: bool,

    /// Log in to Postgres as this role, in place of the role in each URL. The password comes from PGPASSFILE or
    /// PGPASSWORD.
    #[arg(long = "as", value_name = "ROLE")]
    login: Option<String>,

    /// Check everything and print the steps; change nothing.
    #[arg(long)]
    dry_run: bool,
}

pub(super) async fn execute(what: BackupCommand, settings: &Settings, json: bool) -> Result<ExitCode> {
    let mut tell = |line: String| eprintln!("{line}");
    match what {
        BackupCommand::Create { to, modules } => {
            let options = CreateOptions {
                modules,
                store_version: env!("CARGO_PKG_VERSION").to_owned(),
            };
            let mut places = places(settings, None)?;
            ensure!(!places.is_empty(), "no module keeps its data here");
            if options.modules.is_empty() {
                places.extend(control::data_in_use(settings).await?);
            }
            let manifest = create_backup(&places, &to, &options, &SystemClock, &mut tell).await?;
            print(&manifest, &text::created(&manifest, &to), json)?;
            Ok(ExitCode::SUCCESS)
        }
        BackupCommand::Verify { directory } => {
            let (manifest, found) = verify_backup(&directory, &mut tell).await?;
            print(&found, &text::verified(&manifest, &found), json)?;
            let is_whole = found.iter().all(|module| module.problems.is_empty());
            Ok(if is_whole { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        BackupCommand::Restore(arguments) => {
            let options = RestoreOptions {
                modules: arguments.modules,
                replace: arguments.replace,
                dry_run: arguments.dry_run,
                resync: arguments.resync,
                login: arguments.login.clone(),
            };
            let mut places = places(settings, arguments.login.as_deref())?;
            let manifest = Manifest::read(&arguments.directory)?;
            if manifest.modules.iter().any(|backup| backup.module == control::NAME) {
                places.push(control::data(settings, arguments.login.as_deref())?);
            }
            let report = restore_backup(&places, &arguments.directory, &options, &SystemClock, &mut tell).await?;
            print(&report, &text::restored(&report), json)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// The modules that have data in this configuration, callers before callees. `login` replaces the role of each URL.
pub(super) fn places(settings: &Settings, login: Option<&str>) -> Result<Vec<ModuleData>> {
    // The data of a module that is off in this process is elsewhere.
    let is_off = |module: &str| {
        let module = settings.modules.get(module);
        module.is_some_and(|module| module.placement == ModulePlacement::Off)
    };
    let schemas = schemas(settings, login)?.into_iter().rev();
    let here = schemas.filter(|(schema, _)| !is_off(schema.module));
    Ok(here.map(|(schema, url)| ModuleData { schema, url }).collect())
}
