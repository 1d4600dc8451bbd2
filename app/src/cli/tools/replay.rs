//! `offshoot replay`: runs the buyers, prints their outcomes and the proofs.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};
use offshoot_contract::SystemClock;
use offshoot_host::parse_duration;
use offshoot_import::{Source, for_stderr};
use offshoot_replay::{self as replay, Options, Proofs};
use offshoot_strangler::Strangler;

use super::super::print;
use super::provable;
use crate::config::Settings;
use crate::serve::front::in_this_process;
use crate::serve::plans::follow_plans;
use crate::wiring::{self, Wired};

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum ReplayCommand {
    /// Buy the baskets of real invoices (the Online Retail data set) through the public API, then prove that nothing
    /// was lost.
    #[command(after_help = "\
Buys in the store that the settings name, or at `--url`. The proofs ask the modules' contracts where the settings place
them. They expect that nobody else buys meanwhile, and that earlier sales came with their stock movements, as
`offshoot import online-retail FILE` brings them. Exit code 1 if a proof fails.

Examples:
  offshoot replay online-retail online-retail.csv.gz --limit 1000
  offshoot replay online-retail online-retail.csv.gz --url http://127.0.0.1:7070 --concurrency 32

Next: `offshoot replay proofs` repeats the proofs alone.")]
    OnlineRetail(OnlineRetailArguments),

    /// Run only the proofs, over everything that the store holds.
    #[command(after_help = "\
Reads orders, stock and payments through the modules' contracts and compares them. Exit code 1 if a proof fails.

Example:
  offshoot replay proofs --json

Next: `offshoot sagas list` prints changes that have not ended, `offshoot doctor` other differences.")]
    Proofs {
        /// Time limit for changes in flight to end: a whole number and ms, s, m or h.
        #[arg(long, default_value = "60s", value_parser = duration)]
        patience: Duration,
    },
}

#[derive(Debug, Args)]
pub(in crate::cli) struct OnlineRetailArguments {
    /// A CSV file, plain or gzip. Its products must be in the catalog: `offshoot import online-retail FILE` imports
    /// them.
    file: PathBuf,

    /// Address of the store. Default: a store in this process.
    #[arg(long, value_name = "URL")]
    url: Option<String>,

    /// Number of buyers.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    concurrency: u16,

    /// Largest number of baskets.
    #[arg(long, value_name = "N", default_value_t = u32::MAX, hide_default_value = true)]
    limit: u32,

    /// Seed for payment, cancellations and returns.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// Name of this run. Repeating a name repeats its requests, and buys nothing twice. Default: a new name.
    #[arg(long, value_name = "NAME")]
    run: Option<String>,

    /// Time limit for retries of a request, and for changes in flight to end.
    #[arg(long, default_value = "60s", value_parser = duration)]
    patience: Duration,
}

pub(super) async fn execute(command: ReplayCommand, settings: &Settings, json: bool) -> Result<ExitCode> {
    let mut wired = wiring::connect(settings.host_options(Arc::new(SystemClock))?).await?;
    let strangler = follow_plans(settings, &wired).await?;
    wired.jobs.extend(strangler.iter().flat_map(Strangler::jobs));
    let outcome = run(command, settings, &mut wired, json).await;
    if let Some(strangler) = strangler {
        strangler.leave().await;
    }
    outcome
}

async fn run(command: ReplayCommand, settings: &Settings, wired: &mut Wired, json: bool) -> Result<ExitCode> {
    let modules = provable(wired)?;
    match command {
        ReplayCommand::Proofs { patience } => {
            let proofs = replay::prove(&modules, patience).await?;
            print(&proofs, &Proofs(&proofs).to_string(), json)?;
            Ok(code(proofs.iter().all(replay::Proof::holds)))
        }
        ReplayCommand::OnlineRetail(arguments) => {
            let options = Options {
                concurrency: arguments.concurrency.into(),
                limit: usize::try_from(arguments.limit)?,
                seed: arguments.seed,
                run: arguments
                    .run
                    .unwrap_or_else(|| format!("{:08x}", rand::random::<u32>())),
                patience: arguments.patience,
            };
            let served = match arguments.url {
                Some(_) => None,
                None => Some(
                    in_this_process(wired, settings)
                        .await
                        .context("no store can be served here")?,
                ),
            };
            let url = arguments
                .url
                .as_deref()
                .or(served.as_ref().map(|served| served.url.as_str()));
            let source = Source::file(arguments.file);
            let progress = &mut *for_stderr();
            let report = replay::buy_and_prove(&modules, url.unwrap_or_default(), &source, options, progress).await?;
            print(&report, &report.to_string(), json)?;
            Ok(code(report.holds()))
        }
    }
}

fn code(holds: bool) -> ExitCode {
    if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).ok_or_else(|| "it is a whole number and ms, s, m, h or d, such as 30s".to_owned())
}
