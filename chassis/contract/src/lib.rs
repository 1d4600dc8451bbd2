//! Run-time library of module contracts, shared by a module's `-api` crate, the implementation and all callers.
//!
//! Must not know transports, databases or modules. `offshoot-rest` holds the REST form of a contract, `offshoot-db`
//! the data of a module.

// The context of a call, and the failures of a call.
mod context;
mod failure;
mod problem;
mod public_problem;
mod trace;
// Contracts, methods and events as types. `#[contract]` and `#[derive(EventSet)]` generate the implementations.
mod event;
mod fnv;
mod key_hash;
mod method;
mod method_spec;
mod policy;
// Routing and execution of calls.
mod backoff;
mod callers;
mod contracts;
mod deadline;
mod edge;
mod fault;
mod occupancy;
mod outgoing_call;
mod placement;
mod retry_budget;
mod span;
mod stats;
mod switch;
mod trial;
// Descriptions of contracts: OpenAPI, hash, compatibility.
mod compatibility;
mod describe;
mod description;
mod openapi;
mod shape;
// Value types for all contracts.
mod id;
pub mod json;
mod money;
mod named;
mod page;
pub mod page_token;
mod server_url;
pub mod text;
mod time;

#[cfg(feature = "sqlx")]
mod sqlx_values;

pub use offshoot_contract_macros::{ContractError, EventSet, contract};

pub use crate::backoff::{Backoff, scattered};
pub use crate::callers::Callers;
pub use crate::compatibility::{BreakingChange, breaking_changes};
pub use crate::context::{CallContext, ForkedContext, IdempotencyKey, LeaseProof, MAX_KEY_LENGTH};
pub use crate::contracts::Contracts;
pub use crate::describe::describe;
pub use crate::description::{ContractDescription, ErrorDescription, EventDescription, MethodDescription};
pub use crate::edge::Edge;
pub use crate::event::{EventSet, EventSpec, NoEvents, UnreadableEvent};
pub use crate::failure::{CallFailure, FailureKind, Replay, error_chain};
pub use crate::fault::fault_point;
pub use crate::fnv::fnv1a;
pub use crate::id::{Entity, Id, InvalidId};
pub use crate::method::{
    Args, ArgsOf, Contract, ContractProxy, Invoke, Method, MethodVisitor, NoBody, OutcomeOf, Scalar, Version,
    WireMethod, WireValue, method_specs,
};
pub use crate::method_spec::{MethodSpec, Verb};
pub use crate::money::{Currency, InvalidMoney, Money};
pub use crate::named::Named;
pub use crate::occupancy::{Occupancy, Occupant};
pub use crate::openapi::{PROBLEM, camel_case, make_portable, openapi, parameters, problem_responses, problem_schema};
pub use crate::outgoing_call::{OutgoingCall, check_deadline};
pub use crate::page::{Page, PageSize};
pub use crate::placement::Placement;
pub use crate::policy::Class;
pub use crate::problem::{ContractError, Problem};
pub use crate::public_problem::{PublicKind, PublicProblem, Remedy};
pub use crate::server_url::{InvalidServerUrl, ServerUrl};
pub use crate::shape::{Field, Shape};
pub use crate::span::{SPAN_TARGET, Span, SpanAttributes};
pub use crate::stats::{CallStats, Outcome, PathCounts};
pub use crate::switch::{Switch, Target};
pub use crate::time::{Clock, InvalidTimestamp, ManualClock, SystemClock, Timestamp};
pub use crate::trace::TraceContext;
pub use crate::trial::{Attempt, EncodingCheck, Observed, ObservedCall, Side, Trial, TrialObserver};

/// Re-exports for generated code, so that a contract crate needs no further dependencies.
#[doc(hidden)]
pub mod generated {
    pub use futures_util::future::BoxFuture;
    pub use schemars;
    pub use serde;
    pub use serde_json;

    pub use crate::event::{assert_events_of, decode_payload, unknown_event};
    pub use crate::key_hash::key_hash;
    pub use crate::method::{assert_scalar, assert_wire_value, key_text};
}
