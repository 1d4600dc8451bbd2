//! Requests that change the record of a migration.

use crate::difference::IgnoreRule;
use crate::harm::Harm;
use crate::migration::Waiver;
use crate::settings::Settings;
use crate::state::State;

/// One request: of an operator, or of the process that judges windows.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// The operator, or the name of the process.
    pub operator: String,
    /// The generation that the operator saw, so that a repeated request is one step. `None` applies to any generation;
    /// only steps back may be that careless.
    pub generation: Option<u64>,
    /// The change.
    pub kind: RequestKind,
}

/// The change that a request asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum RequestKind {
    /// Begins a migration with these settings. The state stays `Local`.
    Start(Settings),
    /// A step forward, to the next state or to `to`.
    Advance {
        /// The state asked for. Canary shares may be skipped with a reason.
        to: Option<State>,
        /// The operator's reason.
        reason: Option<String>,
    },
    /// A step back, to the previous state or to `to`. Never refused for want of anything.
    Back {
        /// The state asked for.
        to: Option<State>,
        /// The operator's reason.
        reason: Option<String>,
    },
    /// Suspends steps forward.
    Pause {
        /// The operator's reason.
        reason: Option<String>,
    },
    /// Allows steps forward again. A halted migration needs a reason.
    Resume {
        /// The operator's reason.
        reason: Option<String>,
    },
    /// Changes the settings.
    Set(Settings),
    /// Accepts a gate by name, for the current stage.
    Waive {
        /// Name of the gate: `mismatch:reading`.
        gate: String,
        /// The accepted limit, reason and operator.
        waiver: Waiver,
    },
    /// Adds a rule that ignores differences of a field, until a time. A rule for the same method and field is replaced.
    Ignore(IgnoreRule),
    /// One window of calls was judged.
    Window(Window),
    /// Ends the migration in `Local`.
    End,
}

/// One judged window.
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    /// Number of the window. A window that was judged before changes nothing.
    pub number: u64,
    /// The judgement.
    pub harm: Harm,
}
