//! What a contract is at run time: everything that a module's `-api` crate, its implementation and its callers share.
//!
//! Knows no transport, no database and no module. The REST form of a contract lives in `offshoot-rest`, a module's
//! data in `offshoot-db`.

// What a call carries, and what can become of it.
mod context;
mod failure;
mod fork;
mod problem;
mod trace;
// A contract and its methods as values, written by `#[contract]`.
mod event;
mod method;
mod policy;
// Where a call runs.
mod deadline;
mod edge;
mod fault;
mod invoke;
mod repeat_budget;
mod span;
mod stats;
mod switch;
// The contract as data: OpenAPI, hash, compatibility.
mod compatibility;
mod description;
mod openapi;
mod shape;
// Values that every contract uses.
mod id;
mod money;
mod page;
pub mod page_token;
mod time;

#[cfg(feature = "sqlx")]
mod sqlx_values;

pub use offshoot_contract_macros::{ContractError, EventSet, contract};

pub use crate::compatibility::{Breach, breaches};
pub use crate::context::{CallContext, LeaseProof, MAX_KEY_LENGTH, OwnKey};
pub use crate::description::{
    ContractDescription, ErrorDescription, EventDescription, MethodDescription, describe, method_description,
};
pub use crate::edge::Edge;
pub use crate::event::{EventSet, EventSpec, NoEvents, UnreadableEvent};
pub use crate::failure::{CallFailure, FailureKind, Replay, with_causes};
pub use crate::fault::fault_point;
pub use crate::fork::Fork;
pub use crate::id::{Entity, Id, InvalidId};
pub use crate::invoke::{Invoke, Invoker, Outgoing, refuse_if_late, require_caller};
pub use crate::method::{
    Args, ArgsOf, Contract, Method, MethodSpec, MethodVisitor, NoBody, Scalar, Verb, Version, WireValue, method_specs,
};
pub use crate::money::{Currency, InvalidMoney, Money};
pub use crate::openapi::{openapi, problem_schema};
pub use crate::page::{Page, PageSize};
pub use crate::policy::Class;
pub use crate::problem::{ContractError, Problem};
pub use crate::shape::{Field, Shape};
pub use crate::span::{SPANS, Span, SpanSubject};
pub use crate::stats::{CallStats, PathCounts, outcome_of};
pub use crate::switch::{Placement, Switch, Target};
pub use crate::time::{Clock, InvalidTimestamp, ManualClock, SystemClock, Timestamp};
pub use crate::trace::TraceContext;

/// What generated code names, so that a contract crate needs no further dependency for it.
#[doc(hidden)]
pub mod generated {
    pub use futures_util::future::BoxFuture;
    pub use schemars;
    pub use serde;
    pub use serde_json;

    pub use crate::event::{assert_events_of, read_payload, unknown};
    pub use crate::method::{assert_scalar, assert_wire_value, key_text};
}
