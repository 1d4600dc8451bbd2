//! Commands that use the store from outside: importers, replay, demo, and the check of sources.
//!
//! Only in binaries that know the contracts of the whole store.

mod check;
mod demo;
mod import;
mod replay;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use clap::Subcommand;
use offshoot_contract::Contract;

use self::check::CheckArguments;
use self::demo::DemoCommand;
use self::import::ImportCommand;
use self::replay::ReplayCommand;
use crate::config::Settings;
use crate::wiring::Wired;

/// A command of the store.
#[derive(Debug, Subcommand)]
pub(super) enum Tool {
    /// Bring data into the store. An import can be interrupted and repeated.
    #[command(
        subcommand,
        after_help = "\
Imports through the modules' contracts, into a store that need not exist yet.

Examples:
  offshoot import online-retail online-retail.csv.gz
  offshoot import products catalog.json --column sku=Id --column name=Title

Next: `offshoot serve` sells what was imported."
    )]
    Import(ImportCommand),

    /// Buy what a real shop sold, live, and prove that nothing was lost.
    #[command(
        subcommand,
        after_help = "\
Examples:
  offshoot replay online-retail online-retail.csv.gz --limit 100
  offshoot replay proofs

Next: `offshoot doctor` explains a store that does not pass its proofs."
    )]
    Replay(ReplayCommand),

    /// Show on temporary data how modules leave and return.
    #[command(
        subcommand,
        after_help = "\
Examples:
  offshoot demo split
  offshoot demo strangler

Next: `offshoot serve --only catalog --listen 127.0.0.1:7101` does the same with your own store."
    )]
    Demo(DemoCommand),

    /// Find code that would keep a module from moving out.
    #[command(after_help = check::HELP)]
    Check(CheckArguments),
}

pub(super) async fn execute(tool: Tool, settings: &Settings, json: bool) -> Result<ExitCode> {
    match tool {
        Tool::Import(command) => import::execute(command, settings, json).await,
        Tool::Replay(command) => replay::execute(command, settings, json).await,
        Tool::Demo(command) => demo::execute(&command, json).await,
        Tool::Check(arguments) => check::execute(&arguments, json),
    }
}

/// The modules that the importer of invoices fills.
fn importable(wired: &Wired) -> Result<offshoot_import::online_retail::Modules> {
    Ok(offshoot_import::online_retail::Modules {
        catalog: called(wired, "import")?,
        inventory: called(wired, "import")?,
        orders: called(wired, "import")?,
    })
}

/// The modules that buyers and proofs ask.
fn provable(wired: &Wired) -> Result<offshoot_replay::Modules> {
    Ok(offshoot_replay::Modules {
        catalog: called(wired, "replay")?,
        inventory: called(wired, "replay")?,
        payments: called(wired, "replay")?,
        orders: called(wired, "replay")?,
    })
}

/// A module that the tool `origin` calls.
fn called<A: Contract + ?Sized>(wired: &Wired, origin: &str) -> Result<Arc<A>> {
    let module = A::NAME;
    wired.contract_for(origin)?.with_context(|| {
        format!("{module} is off here: say where {module} runs with --remote {module}=http://HOST:PORT")
    })
}
