//! The switch routes the calls of one contract: each call goes to the placement configured at that moment. Retries
//! failed attempts.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::time::Instant;

use crate::backoff::{Backoff, scattered};
use crate::context::CallContext;
use crate::edge::Edge;
use crate::failure::{CallFailure, FailureKind};
use crate::method::{ArgsOf, Contract, Invoke, Method, OutcomeOf};
use crate::method_spec::MethodSpec;
use crate::outgoing_call::log_failure;
use crate::placement::Placement;
use crate::problem::ContractError as _;
use crate::retry_budget::RetryBudget;
use crate::span::{Span, SpanAttributes};
use crate::stats::{CallStats, Outcome};
use crate::trial::{AnsweredCall, Blame, Side, Trial, is_refused};

/// Pauses before retries. A request has few retries, so the longest pause is never reached.
const RETRY: Backoff = Backoff::new(Duration::from_millis(10), Duration::from_secs(1));

/// A placement with the callee at that placement.
pub enum Target<A: ?Sized> {
    /// The module's edge.
    Local(Arc<Edge<A>>),
    /// The module's edge behind the REST encoding.
    Encoded(Arc<A>),
    /// A REST client.
    Remote(Arc<A>),
    /// The edge and a client, of which each call has one.
    Trial(Arc<Trial<A>>),
}

impl<A: Contract + ?Sized> Target<A> {
    /// The placement of this target: of a trial, the placement of most calls.
    #[must_use]
    pub fn placement(&self) -> Placement {
        match self {
            Target::Local(_) => Placement::Local,
            Target::Encoded(_) => Placement::Encoded,
            Target::Remote(_) => Placement::Remote,
            Target::Trial(trial) => trial.main_side().placement(),
        }
    }

    /// The trial, if the target is one and observes this call. To be asked once for each call.
    fn observing_trial<M: Method<Api = A>>(&self, cx: &CallContext) -> Option<Arc<Trial<A>>> {
        match self {
            Target::Trial(trial) if !cx.is_mirrored() && trial.observer.wants(M::INDEX, M::spec()) => {
                Some(Arc::clone(trial))
            }
            _ => None,
        }
    }

    /// The placement of one call. `key`: its idempotency key.
    fn placement_of<M: Method<Api = A>>(&self, cx: &CallContext, key: Option<&str>, args: &ArgsOf<M>) -> Placement {
        match self {
            Target::Trial(trial) => trial.side::<M>(cx, key, args).placement(),
            target => target.placement(),
        }
    }
}

/// Routes the calls of one contract. Reads are lock-free; [`route_to`](Self::route_to) changes the target while calls
/// run.
pub struct Switch<A: ?Sized> {
    target: ArcSwap<Target<A>>,
    stats: CallStats,
    retries: Arc<RetryBudget>,
}

impl<A: Contract + ?Sized> Switch<A> {
    /// A switch that routes to `target`.
    #[must_use]
    pub fn new(target: Target<A>) -> Self {
        Self {
            target: ArcSwap::from_pointee(target),
            stats: CallStats::for_contract::<A>(),
            retries: Arc::default(),
        }
    }

    /// Routes all later attempts to `target`. Attempts in flight finish at the previous target.
    pub fn route_to(&self, target: Target<A>) {
        self.target.store(Arc::new(target));
    }

    /// The current placement.
    #[must_use]
    pub fn placement(&self) -> Placement {
        self.target.load().placement()
    }

    /// Whether the current target is a trial.
    #[must_use]
    pub fn is_trial(&self) -> bool {
        matches!(**self.target.load(), Target::Trial(_))
    }

    /// Call statistics of this switch.
    #[must_use]
    pub fn stats(&self) -> &CallStats {
        &self.stats
    }

    /// Attempts the call until an answer, a domain error, a failure that must not be retried, an exhausted budget, or
    /// the deadline.
    async fn invoke_with_retries<M: Method<Api = A>>(&self, cx: &mut CallContext, args: ArgsOf<M>) -> OutcomeOf<M> {
        let retries = Retries::begin(&self.retries, cx, M::spec());
        self.attempt_until_ended::<M>(cx, args, retries).await
    }

    /// The attempts that follow those in `retries`.
    async fn attempt_until_ended<M: Method<Api = A>>(
        &self,
        cx: &mut CallContext,
        args: ArgsOf<M>,
        mut retries: Retries,
    ) -> OutcomeOf<M> {
        loop {
            // Read once per attempt: the target may change at any moment.
            let target = self.target.load_full();
            let attempt = match &*target {
                Target::Local(edge) => {
                    retries.begin_attempt(cx, Placement::Local);
                    edge.invoke::<M>(cx, args.clone()).await
                }
                Target::Encoded(api) | Target::Remote(api) => {
                    retries.begin_attempt(cx, target.placement());
                    M::call(api, cx, args.clone()).await
                }
                Target::Trial(trial) => attempt_trial::<M>(trial, cx, &args, &mut retries).await.0,
            };
            match retries.after::<M>(cx, attempt) {
                Attempted::Ended(outcome) => return outcome,
                Attempted::Again(wait) => tokio::time::sleep(wait).await,
            }
        }
    }

    /// Like [`invoke_with_retries`](Self::invoke_with_retries), beginning at a trial, which observes the call.
    async fn invoke_observed<M: Method<Api = A>>(
        &self,
        cx: &mut CallContext,
        args: ArgsOf<M>,
        trial: Arc<Trial<A>>,
    ) -> OutcomeOf<M> {
        let mut retries = Retries::begin(&self.retries, cx, M::spec());
        let (attempt, answered_by) = attempt_trial::<M>(&trial, cx, &args, &mut retries).await;
        let outcome = match retries.after::<M>(cx, attempt) {
            Attempted::Ended(outcome) => outcome,
            Attempted::Again(wait) => {
                // A call whose first attempt failed proves nothing about values.
                tokio::time::sleep(wait).await;
                return self.attempt_until_ended::<M>(cx, args, retries).await;
            }
        };
        trial.observer.observe(Box::new(AnsweredCall::<M> {
            cx: cx.mirrored(M::SPEC.timeout),
            trial: Arc::clone(&trial),
            answered_by,
            args,
            outcome: outcome.clone(),
        }));
        outcome
    }
}

/// One attempt in a trial, and the side that answered. If the candidate does not answer, the local side may stand in, under
/// the same key: that is no retry, so the budgets of retries do not count it.
async fn attempt_trial<M: Method>(
    trial: &Arc<Trial<M::Api>>,
    cx: &mut CallContext,
    args: &ArgsOf<M>,
    retries: &mut Retries,
) -> (OutcomeOf<M>, Side) {
    let side = trial.side::<M>(cx, retries.given_key.as_deref(), args);
    retries.begin_attempt(cx, side.placement());
    let began = Instant::now();
    let result = match (side, &trial.local, &trial.candidate) {
        (Side::Candidate, _, Some(candidate)) => M::call(candidate, cx, args.clone()).await,
        (_, Some(local), _) => local.invoke::<M>(cx, args.clone()).await,
        // A side that does not exist is never chosen.
        _ => Err(CallFailure::internal("the trial has no side for the call").into()),
    };
    let took = began.elapsed();
    let standby = trial.local.as_ref().filter(|_| side == Side::Candidate);
    let failure = result.as_ref().err().and_then(|error| error.failure());
    let failure = failure.filter(|failure| trial.may_stand_in(M::spec(), failure, retries.key.is_some()));
    let (Some(local), Some(failure)) = (standby, failure) else {
        trial.report::<M>(side, &result, took, Blame::of_side(&result));
        return (result, side);
    };
    log_failure(M::spec(), cx.module(), cx.trace(), failure);
    retries.stand_in(cx, failure);
    let began = Instant::now();
    let stood_in = local.invoke::<M>(cx, args.clone()).await;
    // Both sides refuse what the caller got wrong.
    let blame = match is_refused(&result) && is_refused(&stood_in) {
        true => Blame::Caller,
        false => Blame::Side,
    };
    trial.report::<M>(side, &result, took, blame);
    trial.report::<M>(Side::Local, &stood_in, began.elapsed(), Blame::Fallback);
    (stood_in, Side::Local)
}

/// What follows an attempt.
enum Attempted<T> {
    /// The outcome of the call.
    Ended(T),
    /// Another attempt, after this pause.
    Again(Duration),
}

/// The attempts of one call.
///
/// All attempts use the same key, so that a retry finds the recorded response of an earlier attempt.
struct Retries {
    spec: &'static MethodSpec,
    /// The caller's key. A generated key decides no side: an attempt before it had none.
    given_key: Option<Arc<str>>,
    key: Option<Arc<str>>,
    backoff: Backoff,
    /// Failure of the previous attempt. May have executed if any attempt may have executed.
    earlier: Option<CallFailure>,
}

impl Retries {
    fn begin(budget: &Arc<RetryBudget>, cx: &mut CallContext, spec: &'static MethodSpec) -> Self {
        budget.deposit();
        cx.set_retry_budget(Some(Arc::clone(budget)));
        let key = cx.take_next_key(spec);
        Self {
            spec,
            given_key: key.clone(),
            key,
            backoff: RETRY,
            earlier: None,
        }
    }

    fn begin_attempt(&mut self, cx: &mut CallContext, placement: Placement) {
        if self.spec.class.has_effect() && placement == Placement::Remote {
            // A remote call gets a key even if the caller has none. After a lost connection a call can be retried safely, and
            // an earlier attempt that runs on elsewhere cannot commit after the retry, and after other changes: the key
            // commits once.
            self.key
                .get_or_insert_with(|| format!("{:032x}", rand::random::<u128>()).into());
        }
        if self.spec.class.has_effect() {
            cx.set_next_key(self.key.clone());
        }
    }

    /// What follows an attempt with this result.
    fn after<M: Method>(&mut self, cx: &mut CallContext, attempt: OutcomeOf<M>) -> Attempted<OutcomeOf<M>> {
        let error = match attempt {
            Ok(answer) => return Attempted::Ended(Ok(answer)),
            Err(error) => error,
        };
        match error.into_failure() {
            Ok(failure) => match self.wait_after(cx, failure) {
                Ok(wait) => Attempted::Again(wait),
                Err(failure) => Attempted::Ended(Err(failure.into())),
            },
            Err(domain_error) => Attempted::Ended(Err(self.unsure().map_or(domain_error, M::Error::from))),
        }
    }

    /// Has the local side execute the call after `failure` of the candidate, under the same key.
    fn stand_in(&mut self, cx: &mut CallContext, failure: &CallFailure) {
        if failure.may_have_executed() {
            self.earlier = Some(failure.clone());
        }
        if self.spec.class.has_effect() {
            cx.set_next_key(self.key.clone());
        }
    }

    /// The pause before the next attempt, or the failure of the call if the call must not be attempted again.
    fn wait_after(&mut self, cx: &mut CallContext, failure: CallFailure) -> Result<Duration, CallFailure> {
        // An earlier attempt may have executed even if the last attempt certainly did not.
        let may_have_executed = self.earlier.as_ref().is_some_and(CallFailure::may_have_executed);
        let may_have_executed = may_have_executed || failure.may_have_executed();
        let pause = self.backoff.next_pause();
        let wait = match failure.kind() {
            FailureKind::Overloaded { retry_after } => pause.max(*retry_after),
            _ => scattered(pause),
        };
        let may_retry =
            self.spec.class.may_retry(&failure, self.key.is_some()) && wait < cx.time_left() && cx.take_retry();
        let failure = failure.with_may_have_executed(may_have_executed);
        if !may_retry {
            return Err(failure);
        }
        self.earlier = Some(failure);
        Ok(wait)
    }

    /// The failure to report instead of a domain error. Without a key, the domain error may be a consequence of an earlier
    /// attempt that took effect; with a key, an earlier attempt may still run, and take effect after the domain error.
    fn unsure(&mut self) -> Option<CallFailure> {
        self.earlier.take().filter(CallFailure::may_have_executed)
    }
}

impl<A: Contract + ?Sized> Invoke<A> for Switch<A> {
    async fn invoke<M: Method<Api = A>>(&self, cx: &mut CallContext, args: ArgsOf<M>) -> OutcomeOf<M> {
        let start = Instant::now();
        let target = self.target.load();
        let placement = target.placement_of::<M>(cx, cx.peek_next_key(M::spec()), &args);
        let path = self.stats.path(cx.module(), M::INDEX, placement);
        let measured = path.begin();
        if measured {
            path.measure_request(&args);
        }
        let span = Span::enter(cx);
        let observing = target.observing_trial::<M>(cx);
        let result = match (&**target, observing) {
            // A retry cannot help a safe call in this process, so the arguments are not cloned.
            (Target::Local(edge), _) if M::SPEC.class.is_cancelled_with_caller() => {
                edge.invoke_safe::<M>(cx, args, start).await
            }
            (Target::Trial(trial), None)
                if M::SPEC.class.is_cancelled_with_caller() && placement == Placement::Local =>
            {
                trial.invoke_safe_here::<M>(cx, args, start).await
            }
            // Boxed, so that the futures of the branches above do not reserve space for retries.
            (_, observing) => {
                drop(target);
                let result = match observing {
                    Some(trial) => Box::pin(self.invoke_observed::<M>(cx, args, trial)).await,
                    None => Box::pin(self.invoke_with_retries::<M>(cx, args)).await,
                };
                cx.set_retry_budget(None);
                result
            }
        };
        let outcome = Outcome::from_result(&result);
        path.end(outcome, start.elapsed());
        if measured && let Ok(answer) = &result {
            path.measure_answer(answer);
        }
        if let Some(span) = span {
            exit_span(span, cx, M::spec(), placement, outcome);
        }
        if placement == Placement::Remote
            && let Err(error) = &result
            && let Some(failure) = error.failure()
        {
            // Failures of local calls are logged by the edge.
            log_failure(M::spec(), cx.module(), cx.trace(), failure);
        }
        result
    }
}

fn exit_span(span: Span, cx: &mut CallContext, spec: &MethodSpec, placement: Placement, outcome: Outcome) {
    let attributes = SpanAttributes {
        kind: match placement {
            Placement::Remote => "client",
            Placement::Local | Placement::Encoded => "internal",
        },
        caller: cx.module(),
        callee: spec.module,
        method: spec.name,
        placement: placement.as_str(),
        outcome: outcome.as_str(),
    };
    span.exit(cx, attributes);
}
