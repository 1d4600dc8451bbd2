//! `offshoot demo`: shows what the store can do, on data of its own.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::Subcommand;

use super::print;
use crate::config::parse_duration;
use crate::demo;
use crate::import::for_stderr;

#[derive(Debug, Subcommand)]
pub(super) enum DemoCommand {
    /// One process; then the catalog in its own, killed and started again, and back. Real baskets are bought all the time.
    #[command(
        after_help = "Everything happens in a temporary folder and on loopback, and is gone afterwards.\n\nExit code 1 if a proof fails.\n\nExamples:\n  offshoot demo split\n  offshoot demo split --each 10s --json"
    )]
    Split {
        /// How long each part takes: a whole number and ms, s or m.
        #[arg(long, default_value = "3s", value_parser = duration)]
        each: Duration,
    },
}

pub(super) async fn run(what: &DemoCommand, json: bool) -> Result<ExitCode> {
    let DemoCommand::Split { each } = what;
    let story = demo::split(*each, &mut *for_stderr()).await?;
    print(&story, &story.to_string(), json)?;
    Ok(if story.holds() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text)
        .filter(|each| !each.is_zero())
        .ok_or_else(|| "it is a whole number and ms, s or m, such as 3s".to_owned())
}
