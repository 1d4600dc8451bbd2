//! `offshoot backup`: copies of the modules' data, taken while the store serves, and put back.

mod text;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, ensure};
use clap::{Args, Subcommand};
use offshoot_backup::{CreateOptions, ModuleData, RestoreOptions, create, restore, verify};
use offshoot_contract::SystemClock;

use super::arguments::{built_module, module};
use super::db::schemas;
use super::print;
use crate::config::{ModulePlacement, Settings};

#[derive(Debug, Subcommand)]
pub(super) enum BackupCommand {
    /// Back the modules' data up, while the store serves, into a new directory.
    #[command(
        after_help = "Each module's snapshot is consistent. They are taken one after the other, those that call before those that they call:\nwhat the orders know to be reserved and paid is in the snapshots of the inventory and of the payments, which are later.\nThese may know more, of orders that came in between.\n\nThe directory gets manifest.json last. One without it was broken off and is refused by everybody. SHA256SUMS is for\n`sha256sum -c`. Not in it: service keys, operators, settings, and what a payment provider knows.\n\nOn Postgres any login that may serve the store may back it up; no other program is needed.\n\nExamples:\n  offshoot backup create --to /backups/2026-11-24\n  offshoot backup create --to /backups/orders-before-upgrade --module orders"
    )]
    Create {
        /// The directory: one that does not exist yet, or is empty.
        #[arg(long, value_name = "DIR")]
        to: PathBuf,

        /// This module only; can be given several times.
        #[arg(long = "module", value_name = "NAME", value_parser = built_module)]
        modules: Vec<String>,
    },

    /// Check that a backup is whole: every file is as it was written, and can be read.
    #[command(
        after_help = "Needs no database. Exit code 1 if anything is wrong.\n\nExample:\n  offshoot backup verify /backups/2026-11-24 --json"
    )]
    Verify {
        /// The directory of the backup.
        directory: PathBuf,
    },

    /// Put a backup back, or one module of it, while no process works on it.
    #[command(
        after_help = "Refuses while a process works on the data, and if there is data: `--replace` moves that aside (a file `<module>.db.replaced-...`,\na schema `<module>_replaced_...`), and it is yours to remove. A backup goes back to the engine it was taken from.\n\nAll modules together: subscriptions go on where they stood. Each restored module begins a new log, so that whoever had read\nbeyond the backup notices; one that had handled events that the backup lacks is listed.\n\nOne module alone: it goes on where it stood in the others' logs, and is told again what came since. Subscriptions of others\nto it hold, each listed with the command that decides; `--resync` decides: copies are made anew, others go on at the end of the\nrestored log. Sagas that were in flight are carried on. Sagas of other modules that changed since the backup are listed: what\nthey did in the restored module may be gone. `offshoot doctor` says afterwards what differs.\n\nOn Postgres the login must be one that may rename and make schemas, as an administrator may: --as names it.\n\nExamples:\n  offshoot backup restore /backups/2026-11-24 --dry-run\n  offshoot backup restore /backups/2026-11-24 --replace\n  offshoot backup restore /backups/2026-11-24 --module catalog --replace --resync"
    )]
    Restore(RestoreArguments),
}

#[derive(Debug, Args)]
pub(super) struct RestoreArguments {
    /// The directory of the backup.
    directory: PathBuf,

    /// This module only; can be given several times.
    #[arg(long = "module", value_name = "NAME", value_parser = module)]
    modules: Vec<String>,

    /// Move data that is there aside.
    #[arg(long)]
    replace: bool,

    /// Decide for subscriptions of other modules that would hold.
    #[arg(long)]
    resync: bool,

    /// Log in to Postgres as this role, whatever role the URLs name. Its password comes from PGPASSFILE or PGPASSWORD.
    #[arg(long = "as", value_name = "ROLE")]
    login: Option<String>,

    /// Check everything, say what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,
}

pub(super) async fn run(what: BackupCommand, settings: &Settings, json: bool) -> Result<ExitCode> {
    let mut tell = |line: String| eprintln!("{line}");
    match what {
        BackupCommand::Create { to, modules } => {
            let options = CreateOptions {
                modules,
                store_version: env!("CARGO_PKG_VERSION").to_owned(),
            };
            let places = places(settings, None)?;
            ensure!(!places.is_empty(), "no module keeps its data here");
            let manifest = create(&places, &to, &options, &SystemClock, &mut tell).await?;
            print(&manifest, &text::created(&manifest, &to), json)?;
            Ok(ExitCode::SUCCESS)
        }
        BackupCommand::Verify { directory } => {
            let (manifest, found) = verify(&directory, &mut tell).await?;
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
            };
            let places = places(settings, arguments.login.as_deref())?;
            let report = restore(&places, &arguments.directory, &options, &SystemClock, &mut tell).await?;
            print(&report, &text::restored(&report), json)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// The data that this configuration has, callers before callees; `login` stands in for the role of each URL.
pub(super) fn places(settings: &Settings, login: Option<&str>) -> Result<Vec<ModuleData>> {
    // One that runs nowhere here has its data elsewhere.
    let is_off = |module: &str| {
        let module = settings.modules.get(module);
        module.is_some_and(|module| module.placement == ModulePlacement::Off)
    };
    let schemas = schemas(settings, login)?.into_iter().rev();
    let here = schemas.filter(|(schema, _)| !is_off(schema.module));
    Ok(here.map(|(schema, url)| ModuleData { schema, url }).collect())
}
