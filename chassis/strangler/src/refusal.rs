//! Reasons why a request is refused.

use crate::gate::Gate;
use crate::settings::InvalidSettings;
use crate::state::State;

/// Reason of a refusal. The record stays as it is.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// Somebody else changed the record.
    #[error("the record is at generation {current}, not {seen}: look at the status again, then repeat the command")]
    Stale {
        /// The generation that the operator saw.
        seen: u64,
        /// The current generation.
        current: u64,
    },
    /// A step forward must say which generation it is based on.
    #[error("the request names no generation: send the one that the status shows")]
    NoGeneration,
    /// No migration was started.
    #[error("no migration was started: begin with the verb start")]
    NotStarted,
    /// A migration is on its way.
    #[error("a migration is at {0} already: roll it back and end it before another one starts")]
    AlreadyStarted(State),
    /// The migration is paused.
    #[error("the migration is paused: resume it first")]
    Paused,
    /// The migration was halted.
    #[error("the migration was halted because {0}: mend the candidate, then resume with a reason")]
    Halted(String),
    /// The state is not the next one.
    #[error("{to} cannot follow {from}: {hint}")]
    NotNext {
        /// The current state.
        from: State,
        /// The state asked for.
        to: State,
        /// The states that can follow.
        hint: String,
    },
    /// Nobody could execute the calls.
    #[error(
        "no live process runs the implementation, so nobody could take the calls back to {0}: start a process with the \
         implementation, then repeat the command"
    )]
    NobodyRuns(State),
    /// There is nothing beyond.
    #[error("{0} is the last state in this direction")]
    NoFurther(State),
    /// A decision that somebody will ask about needs a reason.
    #[error("{0} needs a reason")]
    NeedsReason(&'static str),
    /// Gates do not pass.
    #[error("{}", gates_text(.0))]
    Gates(Vec<Gate>),
    /// The gate does not exist, or keeps data safe.
    #[error("{0} cannot be accepted: {1}")]
    NotWaivable(String, &'static str),
    /// The rule for differences cannot be added.
    #[error("the rule for {method} {path} is not valid: {why}")]
    InvalidRule {
        /// The method.
        method: String,
        /// The field.
        path: String,
        /// The reason, and the remedy.
        why: &'static str,
    },
    /// The settings are outside their range.
    #[error(transparent)]
    Settings(#[from] InvalidSettings),
    /// The migration is still on its way.
    #[error("the module is at {0}: roll back to local before the migration ends")]
    NotLocal(State),
}

/// The gates that do not pass, one line each.
fn gates_text(gates: &[Gate]) -> String {
    let closed: Vec<_> = gates
        .iter()
        .filter(|gate| !gate.verdict.passes())
        .map(ToString::to_string)
        .collect();
    format!(
        "{} of {} gates do not pass:\n{}",
        closed.len(),
        gates.len(),
        closed.join("\n")
    )
}
