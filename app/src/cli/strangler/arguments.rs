//! The grammar of `offshoot strangler`, with its help.

use std::time::Duration;

use clap::{Args, Subcommand};
use offshoot_contract::ServerUrl;
use offshoot_host::parse_duration;
use offshoot_strangler::State;

use crate::cli::module_name::module;

/// Largest share that an operator may accept. The process has the last word.
const LARGEST_ACCEPTED: f64 = 0.5;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum StranglerCommand {
    /// Print what to do before a module can move, the states on the way, and how long each takes.
    #[command(after_help = super::help::PLAN)]
    Plan(PlanArguments),

    /// Begin a migration. Calls stay where they are.
    #[command(after_help = super::help::START)]
    Start(StartArguments),

    /// Print the state of one migration or of all, who waits for whom, the calls of both sides, and the gates.
    #[command(after_help = super::help::STATUS)]
    Status(StatusArguments),

    /// Take the next step forward, if the gates pass.
    #[command(after_help = super::help::ADVANCE)]
    Advance(AdvanceArguments),

    /// Take a step back. Nothing has to pass.
    #[command(after_help = super::help::ROLLBACK)]
    Rollback(RollbackArguments),

    /// Suspend steps forward. Calls stay where they are, and harm still sends the module back.
    #[command(after_help = super::help::PAUSE)]
    Pause(ReasonArguments),

    /// Allow steps forward again, after a pause or a halt.
    #[command(after_help = super::help::RESUME)]
    Resume(ReasonArguments),

    /// Change the canary shares, the sample, the fallback, or the share at which the candidate works.
    #[command(after_help = super::help::SET)]
    Set(SetArguments),

    /// Accept a gate by name, for the current state.
    #[command(after_help = super::help::WAIVE)]
    Waive(WaiveArguments),

    /// Ignore differences of one field, until a time.
    #[command(after_help = super::help::IGNORE)]
    Ignore(IgnoreArguments),

    /// Print the differences between the answers of both sides, the most frequent first.
    #[command(after_help = super::help::DIFFS)]
    Diffs {
        #[command(flatten)]
        target: Target,
    },

    /// Print the history of a migration: who, when, from where to where, and why.
    #[command(after_help = super::help::HISTORY)]
    History(HistoryArguments),

    /// End a migration that is back at local. The settings decide again.
    #[command(after_help = super::help::END)]
    End(EndArguments),
}

/// The module, and the process that is asked.
#[derive(Debug, Args)]
pub(in crate::cli) struct Target {
    /// The module.
    #[arg(value_parser = module)]
    pub(super) module: String,

    /// Address of the process. Default: the process that the settings describe.
    #[arg(long, value_name = "URL")]
    pub(super) of: Option<ServerUrl>,
}

/// Flags of every change.
#[derive(Debug, Args)]
pub(in crate::cli) struct Change {
    /// Print what would happen, and change nothing.
    #[arg(long)]
    pub(super) dry_run: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct PlanArguments {
    #[command(flatten)]
    pub(super) target: Target,

    /// Reads of 1,000 that are compared.
    #[arg(long, value_name = "PER_MILLE", value_parser = clap::value_parser!(u16).range(0..=1_000))]
    pub(super) sample: Option<u16>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct StartArguments {
    #[command(flatten)]
    pub(super) target: Target,

    #[command(flatten)]
    pub(super) settings: SettingsArguments,

    /// Fail a call that the candidate did not answer, instead of executing the call here.
    #[arg(long)]
    pub(super) no_fallback: bool,

    #[command(flatten)]
    pub(super) change: Change,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct SetArguments {
    #[command(flatten)]
    pub(super) target: Target,

    #[command(flatten)]
    pub(super) settings: SettingsArguments,

    /// Whether a call that the candidate did not answer may be executed here.
    #[arg(long)]
    pub(super) fallback: Option<YesOrNo>,

    #[command(flatten)]
    pub(super) change: Change,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(in crate::cli) enum YesOrNo {
    Yes,
    No,
}

/// Settings that `start` and `set` share.
#[derive(Debug, Args)]
pub(in crate::cli) struct SettingsArguments {
    /// Canary shares in percent of the entity keys, ascending. Default: 1,5,25,50.
    #[arg(long, value_name = "PERCENT", value_delimiter = ',', value_parser = clap::value_parser!(u8).range(1..=99))]
    pub(super) steps: Vec<u8>,

    /// Reads of 1,000 that are compared. Default: 100.
    #[arg(long, value_name = "PER_MILLE", value_parser = clap::value_parser!(u16).range(0..=1_000))]
    pub(super) sample: Option<u16>,

    /// Smallest canary share at which the candidate shares the background work. Default: 50.
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(1..=99))]
    pub(super) work_from: Option<u8>,

    /// Milliseconds beyond the local 99th percentile up to which no attempt counts as slow. Default: 20. A candidate far away
    /// needs more.
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u32).range(1..=60_000))]
    pub(super) slow_margin: Option<u32>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct StatusArguments {
    /// The module. Default: all modules.
    #[arg(value_parser = module)]
    pub(super) module: Option<String>,

    /// Print the status each second, until Ctrl-C.
    #[arg(long)]
    pub(super) watch: bool,

    /// Address of the process. Default: the process that the settings describe.
    #[arg(long, value_name = "URL")]
    pub(super) of: Option<ServerUrl>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct AdvanceArguments {
    #[command(flatten)]
    pub(super) target: Target,

    /// The state to reach: the next one, or a canary share that skips others, such as canary:25.
    #[arg(long, value_name = "STATE")]
    pub(super) to: Option<State>,

    /// Accept this rate in gates that have too few observations, then advance.
    #[arg(long, value_name = "SHARE", requires = "reason", value_parser = share)]
    pub(super) accept: Option<f64>,

    /// Accept the rate in this gate only; may be repeated. Default: every gate of a rate that has too few observations.
    #[arg(long = "gate", value_name = "GATE", requires = "accept")]
    pub(super) gates: Vec<String>,

    /// Reason for skipping shares or accepting a rate. The history keeps it.
    #[arg(long, value_name = "TEXT")]
    pub(super) reason: Option<String>,

    #[command(flatten)]
    pub(super) change: Change,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct RollbackArguments {
    #[command(flatten)]
    pub(super) target: Target,

    /// The state to return to. Default: the previous one.
    #[arg(long, value_name = "STATE")]
    pub(super) to: Option<State>,

    /// The reason. The history keeps it.
    #[arg(long, value_name = "TEXT")]
    pub(super) reason: Option<String>,

    #[command(flatten)]
    pub(super) change: Change,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ReasonArguments {
    #[command(flatten)]
    pub(super) target: Target,

    /// The reason. The history keeps it.
    #[arg(long, value_name = "TEXT")]
    pub(super) reason: Option<String>,

    #[command(flatten)]
    pub(super) change: Change,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct WaiveArguments {
    #[command(flatten)]
    pub(super) target: Target,

    /// Name of the gate, as the status prints it.
    pub(super) gate: String,

    /// Accept up to this rate. Without a limit the gate passes whatever it measured.
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub(super) limit: Option<f64>,

    /// The reason. The history keeps it.
    #[arg(long, value_name = "TEXT")]
    pub(super) reason: String,

    #[command(flatten)]
    pub(super) change: Change,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct IgnoreArguments {
    #[command(flatten)]
    pub(super) target: Target,

    /// The method.
    pub(super) method: String,

    /// The field, as `diffs` prints it. Fields below are ignored too.
    pub(super) field: String,

    /// End of the rule: a whole number and s, m, h or d from now.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(super) until: Duration,

    /// Ignore only the order of this list.
    #[arg(long)]
    pub(super) unordered: bool,

    /// The reason. The history keeps it.
    #[arg(long, value_name = "TEXT")]
    pub(super) reason: String,

    #[command(flatten)]
    pub(super) change: Change,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct HistoryArguments {
    #[command(flatten)]
    pub(super) target: Target,

    /// Only entries after this generation.
    #[arg(long, value_name = "GENERATION", default_value_t = 0, hide_default_value = true)]
    pub(super) above: u64,

    /// Largest number of entries.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(super) limit: u32,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct EndArguments {
    #[command(flatten)]
    pub(super) target: Target,

    #[command(flatten)]
    pub(super) change: Change,
}

/// Parses a share: `1%` or `0.01`.
fn share(text: &str) -> Result<f64, String> {
    let parsed = match text.strip_suffix('%') {
        Some(percent) => percent.trim().parse::<f64>().map(|percent| percent / 100.0),
        None => text.parse(),
    };
    parsed
        .ok()
        .filter(|share| *share > 0.0 && *share <= LARGEST_ACCEPTED)
        .ok_or_else(|| "give a share above 0 and at most 50 %, such as 1% or 0.01".to_owned())
}

fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text)
        .filter(|until| !until.is_zero())
        .ok_or_else(|| "it is a whole number and s, m, h or d, such as 7d".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_a_percentage_or_a_fraction_up_to_a_half() {
        assert_eq!((share("1%"), share("0.01")), (Ok(0.01), Ok(0.01)));
        for wrong in ["1", "0", "51%", "-1%", "one"] {
            assert!(share(wrong).expect_err(wrong).contains("such as 1% or 0.01"), "{wrong}");
        }
    }
}
