//! Strangler migration: another process takes over the execution of a running module, step by step, and returns it.
//!
//! The decisions perform no I/O. [`step`] applies one request to the record of a migration, and checks the
//! [`gates`] itself, so that no caller gets round a gate. [`plan`] derives from the record how one process routes its
//! calls. Everything that a decision needs is an argument: the record, the [`View`] of the processes and of the evidence,
//! and the time. [`store`] keeps records, history and evidence in the control database.
//!
//! A [`Strangler`] runs the decisions in one process: polls the records, routes each module by its plan, counts and compares
//! calls, and judges windows under a lease. Knows modules only as [`RoutedModule`]s, and no transport.

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
mod bracket;
mod comparison;
mod difference;
mod findings;
mod redact;
// Counts of one stage in this process, and the observer that counts.
mod budget;
mod found;
mod histogram;
mod mirror;
mod stage;
mod tally;
// Windows of calls: whether the candidate does harm.
mod harm;
mod window_judge;
// Requests, and the one function that applies them.
mod change;
mod forward;
mod ignore;
mod operate;
mod refusal;
mod request;
mod step;
mod window;
// The routing of one process.
mod plan;
// The control database.
mod control;
mod control_link;
pub mod store;
// One process: the modules that it routes, the records that it follows, and the answers to operators.
mod coordinate;
mod follow;
mod followed;
mod inspect;
mod records_file;
mod report;
mod roster;
mod routed;
mod status;
mod strangler;

pub use crate::bounds::{probability_of_at_least, upper_bound};
pub use crate::change::Step;
pub use crate::comparison::{Comparison, judge_comparison};
pub use crate::control::{Observation, apply_request, try_request, view};
pub use crate::control_link::ControlDatabase;
pub use crate::difference::{Difference, DifferenceKind, IgnoreRule, differences, fields};
pub use crate::evidence::{Evidence, MethodEvidence, SideCounts};
pub use crate::gate::{Gate, GateId, GateKind, Verdict};
pub use crate::gates::gates;
pub use crate::harm::{Harm, judge_window};
pub use crate::look::{Look, confidence_of_look, samples_if_clean};
pub use crate::migration::{Baseline, CandidateIdentity, Entry, Migration, Verb, Waiver};
pub use crate::plan::{MemberAbilities, Mode, Plan, Work, plan};
pub use crate::records_file::saved_records;
pub use crate::redact::{is_replayable, redact};
pub use crate::refusal::Refusal;
pub use crate::request::{Request, RequestKind, Window};
pub use crate::routed::{EventCounts, Processes, RoutedModule};
pub use crate::settings::{InvalidSettings, Settings};
pub use crate::state::{InvalidState, Percent, State};
pub use crate::status::{CandidateStatus, GateStatus, MemberStatus, Status, VerdictKind};
pub use crate::step::step;
pub use crate::strangler::{Applied, Strangler, StranglerError, StranglerOptions};
pub use crate::view::{Candidate, Member, MethodKind, View};
pub use crate::window_judge::WindowJudge;
