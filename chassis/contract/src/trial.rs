//! A trial: a target with two sides. Each call is executed by one side, the module in this process or a candidate in another
//! one, and a sample of the calls is handed to an observer afterwards.
//!
//! Decides the side of a call, and when the other side may stand in. Compares nothing and counts nothing.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde_json::Value;
use tokio::time::Instant;

use crate::context::CallContext;
use crate::edge::Edge;
use crate::failure::{CallFailure, FailureKind};
use crate::fnv;
use crate::key_hash::mix;
use crate::method::{ArgsOf, Contract, Invoke as _, Method, OutcomeOf};
use crate::method_spec::MethodSpec;
use crate::placement::Placement;
use crate::problem::{ContractError, Problem};
use crate::stats::Outcome;

/// The side that executes a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The module in this process.
    Local,
    /// The candidate in another process.
    Candidate,
}

impl Side {
    pub(crate) const fn placement(self) -> Placement {
        match self {
            Side::Local => Placement::Local,
            Side::Candidate => Placement::Remote,
        }
    }
}

/// The two sides of a contract, and the rule by which calls are divided.
pub struct Trial<A: ?Sized> {
    /// The module in this process. `None`: the candidate executes every call.
    pub local: Option<Arc<Edge<A>>>,
    /// The candidate. `None`: this process executes every call.
    pub candidate: Option<Arc<A>>,
    /// The candidate, for calls that are repeated for comparison: apart from the calls of users, and without a queue.
    pub mirror: Option<Arc<A>>,
    /// Passes arguments and outcomes through the encoding of the wire.
    pub encoding: Option<Arc<dyn EncodingCheck>>,
    /// Calls with a key hash below this number go to the candidate: 0 to 2^32.
    pub threshold: u64,
    /// Constant part of each key's hash.
    pub salt: u64,
    /// Whether the local side executes a call that the candidate did not answer, where the policy allows it.
    pub fallback: bool,
    /// Receives attempts and sampled calls.
    pub observer: Arc<dyn TrialObserver>,
}

/// Receives what happens in a trial. All calls come from the caller's path, so none may wait.
pub trait TrialObserver: Send + Sync {
    /// An attempt of a user's call ended.
    fn attempt(&self, attempt: &Attempt);

    /// Whether this call is to be observed. The arguments and the outcome of an observed call are cloned.
    fn wants(&self, method: usize, spec: &'static MethodSpec) -> bool;

    /// Takes a call that was answered.
    fn observe(&self, call: Box<dyn ObservedCall>);
}

/// One ended attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt {
    /// Position of the method in the trait.
    pub method: usize,
    /// The side of the attempt.
    pub side: Side,
    /// The outcome.
    pub outcome: Outcome,
    /// Duration.
    pub took: Duration,
    /// Whether a failure is the caller's fault: a request that every executor refuses.
    pub is_blameless: bool,
    /// Whether the local side stood in for the candidate.
    pub is_fallback: bool,
}

/// The party whose fault a failed attempt is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Blame {
    /// The side of the attempt.
    Side,
    /// The caller.
    Caller,
    /// The side of the attempt, which stood in for the other one.
    Fallback,
}

impl Blame {
    /// The fault of an attempt that nobody repeated elsewhere: a refusal of the request itself is the caller's.
    pub(crate) fn of_side<T, E: ContractError>(result: &Result<T, E>) -> Self {
        match refusal(result) {
            Some(400 | 413 | 422) => Self::Caller,
            _ => Self::Side,
        }
    }
}

/// Whether the request was refused.
pub(crate) fn is_refused<T, E: ContractError>(result: &Result<T, E>) -> bool {
    refusal(result).is_some()
}

/// The HTTP status of a refusal.
fn refusal<T, E: ContractError>(result: &Result<T, E>) -> Option<u16> {
    match result.as_ref().err()?.failure()?.kind() {
        FailureKind::Refused { status, .. } => Some(*status),
        _ => None,
    }
}

/// A call after its answer, without its types.
pub trait ObservedCall: Send + Sync {
    /// Static properties of the method.
    fn spec(&self) -> &'static MethodSpec;
    /// Position of the method in the trait.
    fn method(&self) -> usize;
    /// The side that answered the caller.
    fn answered_by(&self) -> Side;
    /// The arguments as JSON: path and query parameters, and the body.
    fn arguments(&self) -> Value;
    /// The outcome that the caller received.
    fn given(&self) -> Observed;
    /// Executes the call once more on one side, as a mirrored call. `None` without that side.
    fn repeat(&self, side: Side) -> BoxFuture<'_, Option<Observed>>;
    /// Passes arguments and outcome through the encoding of the wire; the error names what changed. `None` without a check.
    fn check_encoding(&self) -> BoxFuture<'_, Option<Result<(), String>>>;
}

/// An outcome without its types.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    /// The kind of the outcome.
    pub outcome: Outcome,
    /// The answer as JSON, or the problem document of a domain error without a trace; null for a failure.
    pub value: Value,
    /// Duration of the execution; zero for the outcome that the caller received.
    pub took: Duration,
}

impl Observed {
    /// The outcome of a call with this result.
    pub fn from_result<T: serde::Serialize, E: ContractError>(result: &Result<T, E>, took: Duration) -> Self {
        let value = match result {
            Ok(answer) => serde_json::to_value(answer).unwrap_or_default(),
            Err(error) => domain_problem(error.to_problem().ok()),
        };
        Self {
            outcome: Outcome::from_result(result),
            value,
            took,
        }
    }
}

/// A domain error as JSON. The text for people is no part of the contract.
fn domain_problem(problem: Option<Problem>) -> Value {
    let problem = problem.map(|problem| Problem {
        title: String::new(),
        detail: String::new(),
        trace_id: String::new(),
        ..problem
    });
    serde_json::to_value(problem).unwrap_or_default()
}

/// Passes values of a method through the encoding of the wire, without executing the method.
pub trait EncodingCheck: Send + Sync {
    /// Checks the arguments and the outcome of the method at this position in the trait, which have the method's own types.
    /// The error names what the encoding changed.
    fn check<'a>(
        &'a self,
        method: usize,
        arguments: &'a (dyn Any + Send + Sync),
        outcome: &'a (dyn Any + Send + Sync),
    ) -> BoxFuture<'a, Result<(), String>>;
}

impl<A: Contract + ?Sized> Trial<A> {
    /// The side of a call. Equal keys are on one side in all methods and in all processes; a higher threshold only adds keys
    /// to the candidate's side.
    ///
    /// A call without an entity key goes by its idempotency key, `key`, or by its trace: all attempts of a call are on one side.
    pub(crate) fn side<M: Method<Api = A>>(&self, cx: &CallContext, key: Option<&str>, args: &ArgsOf<M>) -> Side {
        match (&self.local, &self.candidate) {
            (_, None) => Side::Local,
            (None, Some(_)) => Side::Candidate,
            (Some(_), Some(_)) => {
                let hash = M::key_hash(args, self.salt).unwrap_or_else(|| hash_without_entity(cx, key, self.salt));
                if hash & u64::from(u32::MAX) < self.threshold {
                    Side::Candidate
                } else {
                    Side::Local
                }
            }
        }
    }

    /// Makes a safe call on the local side.
    pub(crate) async fn invoke_safe_here<M: Method<Api = A>>(
        &self,
        cx: &CallContext,
        args: ArgsOf<M>,
        now: Instant,
    ) -> OutcomeOf<M> {
        let Some(local) = &self.local else {
            return Err(CallFailure::internal("the trial has no side for the call").into());
        };
        let result = local.invoke_safe::<M>(cx, args, now).await;
        self.report::<M>(Side::Local, &result, now.elapsed(), Blame::of_side(&result));
        result
    }

    /// Tells the observer of an attempt that ended.
    pub(crate) fn report<M: Method<Api = A>>(&self, side: Side, result: &OutcomeOf<M>, took: Duration, blame: Blame) {
        self.observer.attempt(&Attempt {
            method: M::INDEX,
            side,
            outcome: Outcome::from_result(result),
            took,
            is_blameless: blame == Blame::Caller,
            is_fallback: blame == Blame::Fallback,
        });
    }

    /// Whether the local side may execute the call after `failure` of the candidate.
    pub(crate) fn may_stand_in(&self, spec: &MethodSpec, failure: &CallFailure, keyed: bool) -> bool {
        self.fallback && self.local.is_some() && spec.class.may_run_elsewhere(failure, keyed)
    }

    /// The side of most calls.
    pub(crate) fn main_side(&self) -> Side {
        let is_candidates = self.local.is_none() || self.threshold > u64::from(u32::MAX);
        if is_candidates && self.candidate.is_some() {
            Side::Candidate
        } else {
            Side::Local
        }
    }
}

fn hash_without_entity(cx: &CallContext, key: Option<&str>, salt: u64) -> u64 {
    match key {
        Some(key) => mix(fnv::extend(fnv::EMPTY ^ mix(salt), key)),
        None => {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "the low half of a random number is random"
            )]
            let low = cx.trace().trace_id as u64;
            mix(low ^ mix(salt))
        }
    }
}

/// A call of method `M` after its answer.
pub(crate) struct AnsweredCall<M: Method> {
    pub(crate) trial: Arc<Trial<M::Api>>,
    /// A context like the caller's, for repetitions.
    pub(crate) cx: CallContext,
    pub(crate) answered_by: Side,
    pub(crate) args: ArgsOf<M>,
    pub(crate) outcome: OutcomeOf<M>,
}

impl<M: Method> ObservedCall for AnsweredCall<M> {
    fn spec(&self) -> &'static MethodSpec {
        M::spec()
    }

    fn method(&self) -> usize {
        M::INDEX
    }

    fn answered_by(&self) -> Side {
        self.answered_by
    }

    fn arguments(&self) -> Value {
        serde_json::to_value(&self.args).unwrap_or_default()
    }

    fn given(&self) -> Observed {
        Observed::from_result(&self.outcome, Duration::ZERO)
    }

    fn repeat(&self, side: Side) -> BoxFuture<'_, Option<Observed>> {
        Box::pin(async move {
            let mut cx = self.cx.mirrored(M::SPEC.timeout);
            let began = Instant::now();
            let result = match side {
                Side::Local => self.trial.local.as_ref()?.invoke::<M>(&mut cx, self.args.clone()).await,
                Side::Candidate => M::call(self.trial.mirror.as_ref()?, &mut cx, self.args.clone()).await,
            };
            Some(Observed::from_result(&result, began.elapsed()))
        })
    }

    fn check_encoding(&self) -> BoxFuture<'_, Option<Result<(), String>>> {
        Box::pin(async move {
            let check = self.trial.encoding.as_ref()?;
            Some(check.check(M::INDEX, &self.args, &self.outcome).await)
        })
    }
}
