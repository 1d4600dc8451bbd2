//! What can be asked of `offshoot sagas`, and what its help teaches.

use clap::{Args, Subcommand};
use offshoot_saga::State;

use crate::cli::arguments::built_module;

/// As many as one looks through.
const LIMIT: u32 = 100;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum SagasCommand {
    /// List sagas, the oldest first: those that are not over, unless states are named.
    #[command(
        after_help = "States:\n  running       somebody carries it on\n  waiting       the last attempt was in vain; it is tried again by itself, with longer and longer pauses\n  compensating  it is being undone\n  stuck         too many attempts were in vain; it waits for `retry` or `compensate`\n  done          every step is done\n  undone        every step that was done has been taken back\n\nA saga whose definition is not part of this binary is marked `unknown version`: a binary that has it carries it on.\n\nExamples:\n  offshoot sagas list\n  offshoot sagas list --state stuck --json\n  offshoot sagas list --module orders --state done,undone --limit 20"
    )]
    List(ListArguments),

    /// Show one saga, or all about one subject, with every step: intended, done, refused, and why.
    #[command(
        after_help = "A step is `intended` before it is done and `done` after; `refused` was not done; `dropped` is not to be done after all, and where nobody knows whether it was, another step takes it back.\n\nExamples:\n  offshoot sagas show order_01h455vb4pex5vsknk084sn02q\n  offshoot sagas show order_01h455vb4pex5vsknk084sn02q.checkout --json"
    )]
    Show {
        /// `subject.name`, or the subject alone.
        id: String,
    },

    /// Make sagas that wait or are stuck due now. Whoever serves takes them up within seconds.
    #[command(
        after_help = "Harmless: each step has a key of its own and takes effect once, however often it is done.\n\nExamples:\n  offshoot sagas retry order_01h455vb4pex5vsknk084sn02q.checkout\n  offshoot sagas retry --stuck"
    )]
    Retry(RetryArguments),

    /// Ask that a saga be undone instead of going on. Refused once it has passed its point of no return.
    #[command(
        after_help = "What was done is taken back by the saga's own steps, the last first. Whoever serves does it within seconds; `offshoot sagas show` says how far it is.\n\nExample:\n  offshoot sagas compensate order_01h455vb4pex5vsknk084sn02q.checkout"
    )]
    Compensate {
        /// `subject.name`.
        id: String,
    },
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ListArguments {
    /// Of this module only.
    #[arg(long, value_parser = built_module)]
    pub(super) module: Option<String>,

    /// In these states only, with commas.
    #[arg(long, value_delimiter = ',', value_name = "STATE")]
    pub(super) state: Vec<State>,

    /// At most so many of each module.
    #[arg(long, default_value_t = LIMIT)]
    pub(super) limit: u32,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct RetryArguments {
    /// `subject.name` of each.
    #[arg(required_unless_present = "stuck", conflicts_with = "stuck")]
    pub(super) ids: Vec<String>,

    /// All that are stuck.
    #[arg(long)]
    pub(super) stuck: bool,
}
