//! Changes that span modules: steps in other modules, what undoes each, and a log that survives the process.
//!
//! A module declares a [`Definition`], whose [`Plan`] reads from top to bottom: stages of steps, the point of no return,
//! what the module notes of its own at each. [`Sagas`] carries one out: what is intended stands in the log before it is
//! done, and what came of it after; the outcome of one stage and the intents of the next are one commit, together with the
//! module's own rows. Whoever finds a saga interrupted need not know how far it came, because each step has a key of its
//! own and may be done again. Every write says under which attempt it is made: an execution that was taken over writes
//! nothing more.
//!
//! Knows no module and not what a step does.

// What a module declares: what it works on,
mod owner;
// and what is to be done.
mod plan;
// One execution, where it stands, and what became of its steps.
mod execution;
mod outcome;
mod perform;
mod state;
// Forwards and backwards,
mod backwards;
mod run;
// begun by a module, handed over, taken up again by whoever finds it,
mod handing_over;
mod resume;
mod sagas;
// looked at and pushed by operators.
mod operate;
// SQL.
mod log;

pub use crate::execution::{Execution, Halt};
pub use crate::log::Standing;
pub use crate::operate::{Filter, OperateError, SagaRow, StepRow, compensate, list, retry, show};
pub use crate::owner::{Entry, Owner, Setback, Turn, step_key};
pub use crate::plan::{Action, Definition, Note, NoteWhy, Plan, Stage, Step};
pub use crate::sagas::{SagaSettings, Sagas};
pub use crate::state::State;
