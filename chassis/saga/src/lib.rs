//! Sagas: changes that span modules, made of steps in other modules, an undo for each step, and a durable log.
//!
//! A module declares a [`Definition`]. Its [`Plan`] lists from top to bottom the stages of steps, the pivot (the point
//! of no return) and the module's own writes at each commit. [`Sagas`] executes a plan. The log holds the intent of a
//! step before the step is performed, and the outcome afterwards. One commit holds the outcome of a stage, the intents of
//! the next stage and the module's own rows. Each step has a key of its own and may be performed again, so a process
//! that resumes an interrupted saga need not know how far the saga came. Every write names the attempt, a fencing token:
//! an execution that has lost the lease changes nothing.
//!
//! This crate must not know any module or the effect of any step.

// Declared by a module: the plan, and the state of a saga.
mod plan;
mod saga_module;
// One execution: the position in the plan, and the outcomes of the steps.
mod execution;
mod outcome;
mod perform;
mod status;
// Executing stages, and undoing them.
mod forward;
mod undo;
// Beginning, handing over and resuming sagas.
mod handover;
mod resume;
mod sagas;
// The operators' view and actions.
mod operate;
// Numbers for metrics.
mod gauges;
// SQL.
mod log;

pub use crate::execution::{Execution, Halt};
pub use crate::gauges::{SagaGauges, saga_gauges};
pub use crate::log::lease::SagaProgress;
pub use crate::log::open::{COUNT_OPEN_SAGAS, LIST_OPEN_SAGAS, LIST_SAGAS_CHANGED_AFTER};
pub use crate::operate::{Filter, OperateError, SagaRow, StepRow, list, request_undo, retry, show};
pub use crate::plan::{Action, Definition, OnCommit, OnUndo, Plan, Stage, Step};
pub use crate::saga_module::{SagaModule, StepContext, StepError, Transition, step_key};
pub use crate::sagas::{SagaSettings, Sagas};
pub use crate::status::SagaStatus;
