//! Strangler migration: another process takes over the execution of a running module, step by step, and returns it.
//!
//! The decisions perform no I/O. [`step`] applies one request to the record of a migration, and checks the
//! [`gates`] itself, so that no caller gets round a gate. [`plan`] derives from the record how one process routes its
//! calls. Everything that a decision needs is an argument: the record, the [`View`] of the processes and of the evidence,
//! and the time. [`store`] keeps records, history and evidence in the control database.

// The record and its parts.
mod migration;
mod settings;
mod state;
// The observations that a decision is based on.
mod evidence;
mod view;
// Statistics: the bounds of a rate, and when to look at them.
mod bounds;
mod look;
// Conditions of a step forward.
mod candidate_gates;
mod gate;
mod gates;
mod rate_gates;
// Answers of both sides: compared, judged, stored without personal data.
mod comparison;
mod difference;
mod redact;
// Windows of calls: whether the candidate does harm.
mod harm;
// Requests, and the one function that applies them.
mod change;
mod forward;
mod operate;
mod refusal;
mod request;
mod step;
mod window;
// The routing of one process.
mod plan;
// The control database.
mod control;
pub mod store;

pub use crate::bounds::{probability_of_at_least, upper_bound};
pub use crate::change::Step;
pub use crate::comparison::{Comparison, judge_comparison};
pub use crate::control::{Observation, apply_request, view};
pub use crate::difference::{Difference, DifferenceKind, IgnoreRule, differences, fields};
pub use crate::evidence::{Evidence, MethodEvidence, SideCounts};
pub use crate::gate::{Gate, GateId, GateKind, Verdict};
pub use crate::gates::gates;
pub use crate::harm::{Harm, judge_window};
pub use crate::look::{Look, confidence_of_look, samples_if_clean};
pub use crate::migration::{Baseline, CandidateIdentity, Entry, Migration, Verb, Waiver};
pub use crate::plan::{MemberAbilities, Mode, Plan, Work, plan};
pub use crate::redact::{is_replayable, redact};
pub use crate::refusal::Refusal;
pub use crate::request::{Request, RequestKind, Window};
pub use crate::settings::{InvalidSettings, Settings};
pub use crate::state::{InvalidState, Percent, State};
pub use crate::step::step;
pub use crate::view::{Candidate, Member, MethodKind, View};
