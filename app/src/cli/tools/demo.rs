//! `offshoot demo`: shows on temporary data how modules leave and return.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use clap::{Args, Subcommand, ValueEnum};
use futures_util::future::BoxFuture;
use offshoot_contract::SystemClock;
use offshoot_demo::{self as demo, Modules, StranglerOptions};
use offshoot_host::parse_duration;
use offshoot_import::for_stderr;

use super::super::module_name::built_module;
use super::super::print;
use super::{importable, provable};
use crate::config::{Flags, load_from};
use crate::wiring::{self, DECLARATIONS};

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

    /// Walk a module out of the running store and back, in small measured steps, while people buy and browse.
    #[command(after_help = "\
Runs in a temporary folder and on loopback, needs nothing installed, and leaves nothing behind. The module passes
through every state of a strangler migration: local, encoded, shadow, canary, remote, and back. Each step forward waits
for gates. A demonstration has too few calls for the default limits. It accepts these gates by name, says so, and never
accepts a wrong answer. Exit code 1 if a request failed, a proof fails, or a wrong candidate was not caught.

Examples:
  offshoot demo strangler
  offshoot demo strangler --module orders --chaos
  offshoot demo strangler --wrong 0.001
  offshoot demo strangler --pace fast --json

Next: `offshoot strangler plan catalog` says how to move a module of your own running store.")]
    Strangler(StranglerArguments),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct StranglerArguments {
    /// The module that walks.
    #[arg(long, default_value = "catalog", value_parser = built_module)]
    module: String,

    /// `show` lasts about a minute, each state long enough to be read; `fast` accepts less.
    #[arg(long, value_enum, default_value = "show")]
    pace: Pace,

    /// Kill the second process (kill -9) while users depend on it, and start it again.
    #[arg(long)]
    chaos: bool,

    /// Make this share of the second process's answers wrong, above 0 and at most 1. The walk must stop in shadow.
    #[arg(long, value_name = "RATE", conflicts_with = "chaos", value_parser = rate)]
    wrong: Option<f64>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Pace {
    Show,
    Fast,
}

pub(super) async fn execute(command: &DemoCommand, json: bool) -> Result<ExitCode> {
    let holds = match command {
        DemoCommand::Split { each } => {
            let story = demo::split(*each, connect, &mut *for_stderr()).await?;
            print(&story, &story.to_string(), json)?;
            story.holds()
        }
        DemoCommand::Strangler(arguments) => {
            let report = demo::strangler(&arguments.options(), connect).await?;
            // One line, so that a script finds the report in the last line.
            let text = if json {
                serde_json::to_string(&report)?
            } else {
                report.to_string()
            };
            print(&report, &text, false)?;
            report.holds()
        }
    };
    Ok(if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl StranglerArguments {
    fn options(&self) -> StranglerOptions {
        StranglerOptions {
            module: self.module.clone(),
            needs: needs_of(&self.module),
            pace: match self.pace {
                Pace::Show => demo::Pace::Show,
                Pace::Fast => demo::Pace::Fast,
            },
            chaos: self.chaos,
            wrong: self.wrong,
        }
    }
}

/// The modules that `module` calls or whose events it handles, each once.
fn needs_of(module: &str) -> Vec<&'static str> {
    let declared = DECLARATIONS.iter().find(|declaration| declaration.name == module);
    let edges = declared.map_or((&[][..], &[][..]), |declared| (declared.calls, declared.subscribes_to));
    let mut needs = [edges.0, edges.1].concat();
    needs.sort_unstable();
    needs.dedup();
    needs
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

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate| *rate > 0.0 && *rate <= 1.0);
    rate.ok_or_else(|| "it is a share above 0 and at most 1, such as 0.001".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_candidate_knows_where_its_callees_and_publishers_run() {
        assert_eq!(needs_of("carts"), ["catalog"]);
        assert_eq!(needs_of("orders"), ["carts", "inventory", "payments"]);
        assert_eq!(needs_of("storefront"), ["catalog", "inventory"]);
        assert!(needs_of("catalog").is_empty());
    }
}
