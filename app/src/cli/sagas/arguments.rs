//! The grammar of `offshoot sagas`, with its help.

use clap::{Args, Subcommand};
use offshoot_saga::SagaStatus;

use crate::cli::module_name::built_module;

/// As many rows as a person reads.
const LIMIT: u32 = 100;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum SagasCommand {
    /// List sagas, the oldest first. Without `--state`: those that have not ended.
    #[command(
        after_help = "States:\n  running  an execution holds the lease\n  waiting  the last attempt failed; the saga is retried with backoff\n  undoing  the saga is being undone\n  stuck    too many attempts failed; the saga waits for `retry` or `undo`\n  done     every step is done\n  undone   every completed step has been undone\n\nA saga whose definition is not part of this binary is marked `unknown version`: a binary that has it carries it on.\n\nExamples:\n  offshoot sagas list\n  offshoot sagas list --state stuck --json\n  offshoot sagas list --module orders --state done,undone --limit 20"
    )]
    List(ListArguments),

    /// Print one saga, or all sagas of one subject, with every step: intended, done or refused, and why.
    #[command(
        after_help = "A step is `intended` before it is done and `done` after; `refused` was not done; `dropped` is not to be done after all, and where nobody knows whether it was, another step takes it back.\n\nExamples:\n  offshoot sagas show order_01h455vb4pex5vsknk084sn02q\n  offshoot sagas show order_01h455vb4pex5vsknk084sn02q.checkout --json"
    )]
    Show {
        /// `subject.name`, or the subject alone.
        id: String,
    },

    /// Make waiting or stuck sagas due now. A serving process resumes them within seconds.
    #[command(
        after_help = "Harmless: each step has a key of its own and takes effect once, however often it is done.\n\nExamples:\n  offshoot sagas retry order_01h455vb4pex5vsknk084sn02q.checkout\n  offshoot sagas retry --stuck"
    )]
    Retry(RetryArguments),

    /// Request that a saga be undone. Refused after its point of no return.
    #[command(
        after_help = "What was done is taken back by the saga's own steps, the last first. Whoever serves does it within seconds; `offshoot sagas show` says how far it is.\n\nExample:\n  offshoot sagas undo order_01h455vb4pex5vsknk084sn02q.checkout"
    )]
    Undo {
        /// `subject.name`.
        id: String,
    },
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ListArguments {
    /// Only sagas of this module.
    #[arg(long, value_parser = built_module)]
    pub(super) module: Option<String>,

    /// Only sagas in these states, separated by commas.
    #[arg(long, value_delimiter = ',', value_name = "STATE")]
    pub(super) state: Vec<SagaStatus>,

    /// Largest number of sagas per module.
    #[arg(long, default_value_t = LIMIT)]
    pub(super) limit: u32,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct RetryArguments {
    /// Ids, each `subject.name`.
    #[arg(required_unless_present = "stuck", conflicts_with = "stuck")]
    pub(super) ids: Vec<String>,

    /// All stuck sagas.
    #[arg(long)]
    pub(super) stuck: bool,
}
