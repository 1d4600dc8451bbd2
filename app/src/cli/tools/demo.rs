//! `offshoot demo`: shows on temporary data how a module leaves and returns.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use clap::Subcommand;
use futures_util::future::BoxFuture;
use offshoot_contract::SystemClock;
use offshoot_demo::{self as demo, Modules};
use offshoot_host::parse_duration;
use offshoot_import::for_stderr;

use super::super::print;
use super::{importable, provable};
use crate::config::{Flags, load_from};
use crate::wiring;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum DemoCommand {
    /// Buy real baskets while the catalog moves into its own process, is killed, starts again and returns.
    #[command(after_help = "\
Runs in a temporary folder and on loopback, and leaves nothing behind. Exit code 1 if a proof fails.

Examples:
  offshoot demo split
  offshoot demo split --each 10s --json

Next: `offshoot placement set catalog remote` moves a module of your own running store.")]
    Split {
        /// Duration of each part: a whole number and ms, s or m.
        #[arg(long, default_value = "3s", value_parser = duration)]
        each: Duration,
    },
}

pub(super) async fn execute(command: &DemoCommand, json: bool) -> Result<ExitCode> {
    let DemoCommand::Split { each } = command;
    let story = demo::split(*each, connect, &mut *for_stderr()).await?;
    print(&story, &story.to_string(), json)?;
    Ok(if story.holds() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// A new store with all modules in this process, from the default settings and an empty environment.
fn connect(data_dir: &Path) -> BoxFuture<'static, Result<Modules>> {
    let mut flags = Flags::default();
    flags.set("--data-dir", "data_dir", data_dir.to_string_lossy());
    Box::pin(async move {
        let settings = load_from(None, [], &flags)?.settings;
        let wired = wiring::connect(settings.host_options(Arc::new(SystemClock))?).await?;
        Ok(Modules {
            filled: importable(&wired)?,
            proven: provable(&wired)?,
        })
    })
}

fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text)
        .filter(|each| !each.is_zero())
        .ok_or_else(|| "it is a whole number and ms, s or m, such as 3s".to_owned())
}
