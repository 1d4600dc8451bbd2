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
}

impl<A: ?Sized> Target<A> {
    /// The placement of this target.
    #[must_use]
    pub fn placement(&self) -> Placement {
        match self {
            Target::Local(_) => Placement::Local,
            Target::Encoded(_) => Placement::Encoded,
            Target::Remote(_) => Placement::Remote,
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

    /// Call statistics of this switch.
    #[must_use]
    pub fn stats(&self) -> &CallStats {
        &self.stats
    }

    /// Attempts the call until an answer, a domain error, a failure that must not be retried, an exhausted budget, or
    /// the deadline.
    async fn invoke_with_retries<M: Method<Api = A>>(&self, cx: &mut CallContext, args: ArgsOf<M>) -> OutcomeOf<M> {
        let mut retries = Retries::begin(&self.retries, cx, M::spec());
        loop {
            // Read once per attempt: the target may change at any moment.
            let target = self.target.load_full();
            retries.begin_attempt(cx, target.placement());
            let attempt = match &*target {
                Target::Local(edge) => edge.invoke::<M>(cx, args.clone()).await,
                Target::Encoded(api) | Target::Remote(api) => M::call(api, cx, args.clone()).await,
            };
            let error = match attempt {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let wait = match error.into_failure() {
                Ok(failure) => retries.wait_after(cx, failure)?,
                Err(domain_error) => return Err(retries.unsure().map_or(domain_error, M::Error::from)),
            };
            tokio::time::sleep(wait).await;
        }
    }
}

/// The attempts of one call.
///
/// All attempts use the same key, so that a retry finds the recorded response of an earlier attempt.
struct Retries {
    spec: &'static MethodSpec,
    key: Option<Arc<str>>,
    backoff: Backoff,
    /// Failure of the previous attempt. May have executed if any attempt may have executed.
    earlier: Option<CallFailure>,
}

impl Retries {
    fn begin(budget: &Arc<RetryBudget>, cx: &mut CallContext, spec: &'static MethodSpec) -> Self {
        budget.deposit();
        cx.set_retry_budget(Some(Arc::clone(budget)));
        Self {
            spec,
            key: cx.take_next_key(spec),
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
    fn unsure(self) -> Option<CallFailure> {
        self.earlier.filter(CallFailure::may_have_executed)
    }
}

impl<A: Contract + ?Sized> Invoke<A> for Switch<A> {
    async fn invoke<M: Method<Api = A>>(&self, cx: &mut CallContext, args: ArgsOf<M>) -> OutcomeOf<M> {
        let start = Instant::now();
        let target = self.target.load();
        let placement = target.placement();
        let path = self.stats.path(cx.module(), M::INDEX, placement);
        let measured = path.begin();
        if measured {
            path.measure_request(&args);
        }
        let span = Span::enter(cx);
        let result = match &**target {
            // A retry cannot help a safe call in this process, so the arguments are not cloned.
            Target::Local(edge) if M::SPEC.class.is_cancelled_with_caller() => {
                edge.invoke_safe::<M>(cx, args, start).await
            }
            // Boxed, so that the future of the branch above does not reserve space for retries.
            _ => {
                drop(target);
                let result = Box::pin(self.invoke_with_retries::<M>(cx, args)).await;
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
