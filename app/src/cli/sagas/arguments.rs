//! The grammar of `offshoot sagas`, with its help.

use clap::{Args, Subcommand};
use offshoot_saga::SagaStatus;

use crate::cli::module_name::built_module;

/// As many rows as a person reads.
const LIMIT: u32 = 100;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum SagasCommand {
    /// List sagas, the oldest first. Without `--state`: those that have not ended.
    #[command(after_help = "\
States:
  running  an execution holds the lease
  waiting  the last attempt failed; the saga is retried with backoff
  undoing  the saga is being undone
  stuck    too many attempts failed; the saga waits for `retry` or `undo`
  done     every step is done
  undone   every completed step has been undone

`unknown version` marks a saga whose definition is not part of this binary: a binary that has it resumes the saga.

Examples:
  offshoot sagas list
  offshoot sagas list --state stuck --json
  offshoot sagas list --module orders --state done,undone --limit 20

Next: `offshoot sagas show ID` prints the steps and the failure of one saga.")]
    List(ListArguments),

    /// Print one saga, or all sagas of one subject, with every step: intended, done or refused, and why.
    #[command(after_help = "\
A step is `intended` before it is done, then `done`, or `refused` if it had no effect. A `dropped` step is no longer
wanted; if it may have taken effect, another step undoes it.

Examples:
  offshoot sagas show order_01h455vb4pex5vsknk084sn02q
  offshoot sagas show order_01h455vb4pex5vsknk084sn02q.checkout --json

Next: remove the cause of a failure, then `offshoot sagas retry ID`, or `offshoot sagas undo ID`.")]
    Show {
        /// `subject.name`, or the subject alone.
        id: String,
    },

    /// Make waiting or stuck sagas due now. A serving process resumes them within seconds.
    #[command(after_help = "\
A retry is harmless: each step has a key of its own and takes effect once, however often it is repeated.

Examples:
  offshoot sagas retry order_01h455vb4pex5vsknk084sn02q.checkout
  offshoot sagas retry --stuck

Next: `offshoot sagas show ID` prints the result.")]
    Retry(RetryArguments),

    /// Request that a saga be undone. Refused after its point of no return.
    #[command(after_help = "\
The saga's own steps undo the completed ones, the last first. A process that serves does it within seconds.

Example:
  offshoot sagas undo order_01h455vb4pex5vsknk084sn02q.checkout

Next: `offshoot sagas show ID` prints how far the undo is.")]
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
