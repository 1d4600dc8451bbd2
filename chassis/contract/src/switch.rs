//! The switch routes the calls of one contract: each call goes to the placement configured at that moment. Retries
//! failed attempts.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::time::Instant;

use crate::backoff::{Backoff, scattered};
use crate::invoke::log_if_failure;
use crate::retry_budget::RetryBudget;
use crate::stats::{outcome_index, outcome_name};
use crate::{
    ArgsOf, CallContext, CallFailure, CallStats, Class, Contract, ContractError, Edge, FailureKind, Invoke, Method,
    Span, SpanAttributes,
};

/// Pauses before retries. A request has few retries, so the longest pause is never reached.
const RETRY: Backoff = Backoff::new(Duration::from_millis(10), Duration::from_secs(1));

/// Location in which a module's calls run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// In this process.
    Local,
    /// In this process, through the REST encoding and back, with a comparison of the values.
    Encoded,
    /// In another process.
    Remote,
}

impl Placement {
    /// All placements, in declaration order.
    pub const ALL: [Self; 3] = [Self::Local, Self::Encoded, Self::Remote];

    /// Name in configuration, metrics and answers of the admin surface.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Placement::Local => "local",
            Placement::Encoded => "encoded",
            Placement::Remote => "remote",
        }
    }
}

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
    retries: RetryBudget,
}

impl<A: Contract + ?Sized> Switch<A> {
    /// A switch that routes to `target`.
    #[must_use]
    pub fn new(target: Target<A>) -> Self {
        Self {
            target: ArcSwap::from_pointee(target),
            stats: CallStats::for_contract::<A>(),
            retries: RetryBudget::default(),
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
    ///
    /// All attempts use the same key, so that a retry finds the recorded response of an earlier attempt.
    async fn invoke_with_retries<M: Method<Api = A>>(
        &self,
        cx: &mut CallContext,
        args: ArgsOf<M>,
    ) -> Result<M::Answer, M::Error> {
        self.retries.deposit();
        let mut key = cx.take_next_key(&M::SPEC);
        let mut backoff = RETRY;
        let mut earlier: Option<CallFailure> = None;
        loop {
            // Read once per attempt: the target may change at any moment.
            let target = self.target.load_full();
            if M::SPEC.class == Class::Unsafe && target.placement() == Placement::Remote {
                // A remote call gets a key even if the caller has none, so that the call can be retried safely after a
                // lost connection.
                key.get_or_insert_with(|| format!("{:032x}", rand::random::<u128>()).into());
            }
            if M::SPEC.class.has_effect() {
                cx.set_next_key(key.clone());
            }
            let attempt = match &*target {
                Target::Local(edge) => edge.invoke::<M>(cx, args.clone()).await,
                Target::Encoded(api) | Target::Remote(api) => M::call(api, cx, args.clone()).await,
            };
            let error = match attempt {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let failure = match error.into_failure() {
                Ok(failure) => failure,
                // Without a key, the domain error may be a consequence of an earlier attempt that took effect.
                Err(domain_error) => {
                    let unsure = earlier.filter(|failure| key.is_none() && failure.may_have_executed());
                    return Err(unsure.map_or(domain_error, M::Error::from));
                }
            };
            // An earlier attempt may have executed even if the last attempt certainly did not.
            let may_have_executed = earlier.as_ref().is_some_and(CallFailure::may_have_executed);
            let may_have_executed = may_have_executed || failure.may_have_executed();
            let pause = backoff.next_pause();
            let wait = match failure.kind() {
                FailureKind::Overloaded { retry_after } => pause.max(*retry_after),
                _ => scattered(pause),
            };
            if !M::SPEC.class.may_retry(&failure, key.is_some())
                || wait >= cx.time_left()
                || !self.retries.try_withdraw()
                || !cx.take_retry()
            {
                return Err(failure.with_may_have_executed(may_have_executed).into());
            }
            earlier = Some(failure.with_may_have_executed(may_have_executed));
            tokio::time::sleep(wait).await;
        }
    }
}

impl<A: Contract + ?Sized> Invoke<A> for Switch<A> {
    async fn invoke<M: Method<Api = A>>(&self, cx: &mut CallContext, args: ArgsOf<M>) -> Result<M::Answer, M::Error> {
        let start = Instant::now();
        let target = self.target.load();
        let placement = target.placement();
        let path = self.stats.path(cx.module(), &M::SPEC, placement);
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
                Box::pin(self.invoke_with_retries::<M>(cx, args)).await
            }
        };
        let outcome = outcome_index::<M>(&result);
        path.end(outcome, start.elapsed());
        if measured && let Ok(answer) = &result {
            path.measure_answer(answer);
        }
        if let Some(span) = span {
            let caller = cx.module();
            span.exit(cx, span_attributes::<M>(caller, placement, outcome));
        }
        if placement == Placement::Remote
            && let Err(error) = &result
        {
            // Failures of local calls are logged by the edge.
            log_if_failure::<M>(cx, error);
        }
        result
    }
}

fn span_attributes<M: Method>(caller: &'static str, placement: Placement, outcome: usize) -> SpanAttributes<'static> {
    SpanAttributes {
        kind: match placement {
            Placement::Remote => "client",
            Placement::Local | Placement::Encoded => "internal",
        },
        caller,
        callee: M::SPEC.module,
        method: M::SPEC.name,
        placement: placement.as_str(),
        outcome: outcome_name(outcome),
    }
}
