//! The switch: what every consumer of a contract holds. It decides per call where the call runs.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::time::Instant;

use crate::invoke::log_failure;
use crate::repeat_budget::RepeatBudget;
use crate::stats::{outcome, outcome_name};
use crate::{
    ArgsOf, CallContext, CallFailure, CallStats, Class, Contract, ContractError, Edge, FailureKind, Invoke, Method,
    Span, SpanSubject,
};

/// Pause before the first repeat; doubles with each further one, and is spread over half to one and a half times.
const FIRST_PAUSE: Duration = Duration::from_millis(10);

/// Where a module's calls run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// In this process.
    Local,
    /// In this process, through the real REST encoding and back, compared value by value.
    Encoded,
    /// In another process.
    Remote,
}

impl Placement {
    /// Each of them, in order.
    pub const ALL: [Self; 3] = [Self::Local, Self::Encoded, Self::Remote];

    /// The word used in configuration and answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Placement::Local => "local",
            Placement::Encoded => "encoded",
            Placement::Remote => "remote",
        }
    }
}

/// A placement together with what answers there.
pub enum Target<A: ?Sized> {
    /// The module's edge.
    Local(Arc<Edge<A>>),
    /// The module's edge behind the encoding.
    Encoded(Arc<A>),
    /// A REST client.
    Remote(Arc<A>),
}

impl<A: ?Sized> Target<A> {
    /// The placement alone.
    #[must_use]
    pub fn placement(&self) -> Placement {
        match self {
            Target::Local(_) => Placement::Local,
            Target::Encoded(_) => Placement::Encoded,
            Target::Remote(_) => Placement::Remote,
        }
    }
}

/// Routes the calls of one contract. Read without a lock; [`place`](Self::place) changes it while calls run.
pub struct Switch<A: ?Sized> {
    target: ArcSwap<Target<A>>,
    stats: CallStats,
    repeats: RepeatBudget,
}

impl<A: Contract + ?Sized> Switch<A> {
    /// A switch that routes to `target`.
    #[must_use]
    pub fn new(target: Target<A>) -> Self {
        Self {
            target: ArcSwap::from_pointee(target),
            stats: CallStats::of::<A>(),
            repeats: RepeatBudget::default(),
        }
    }

    /// Routes to `target` from now on. Calls under way end where they are.
    pub fn place(&self, target: Target<A>) {
        self.target.store(Arc::new(target));
    }

    /// Where calls run now.
    #[must_use]
    pub fn placement(&self) -> Placement {
        self.target.load().placement()
    }

    /// What was counted.
    #[must_use]
    pub fn stats(&self) -> &CallStats {
        &self.stats
    }

    /// Attempts until an answer, a failure that does not allow a repeat, or the end of budget or deadline.
    ///
    /// The key is the same in every attempt, so that a repeat finds what an earlier attempt did.
    async fn repeat<M: Method<Api = A>>(&self, cx: &mut CallContext, args: ArgsOf<M>) -> Result<M::Answer, M::Error> {
        self.repeats.earn();
        let mut key = cx.take_key_for(&M::SPEC);
        let mut pause = FIRST_PAUSE;
        let mut earlier: Option<CallFailure> = None;
        loop {
            // The place is read once for an attempt: it may change at any moment.
            let target = self.target.load_full();
            if M::SPEC.class == Class::Unsafe && target.placement() == Placement::Remote {
                // Another process gets a key even if our caller has none, so that a lost connection can be repeated
                // without harm.
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
                // Without a key nobody knows whether this answers the call, or what an earlier attempt of it has done.
                Err(answer) => {
                    let unsure = earlier.filter(|failure| key.is_none() && failure.may_have_executed());
                    return Err(unsure.map_or(answer, M::Error::from));
                }
            };
            // What the last attempt did not do, an earlier one may have done.
            let may_have_executed = earlier.as_ref().is_some_and(CallFailure::may_have_executed);
            let may_have_executed = may_have_executed || failure.may_have_executed();
            let wait = match failure.kind() {
                FailureKind::Overloaded { retry_after } => pause.max(*retry_after),
                _ => pause.mul_f64(0.5 + rand::random::<f64>()),
            };
            if !M::SPEC.class.may_repeat(&failure, key.is_some())
                || wait >= cx.time_left()
                || !self.repeats.spend()
                || !cx.spend_repeat()
            {
                return Err(failure.with_may_have_executed(may_have_executed).into());
            }
            earlier = Some(failure.with_may_have_executed(may_have_executed));
            tokio::time::sleep(wait).await;
            pause *= 2;
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
            // A safe call in this process has nothing that a repeat could cure, so its arguments are not cloned.
            Target::Local(edge) if M::SPEC.class.is_cancelled_with_caller() => edge.look_up::<M>(cx, args, start).await,
            // In a box of its own, so that the call above does not carry the room that repeating takes.
            _ => {
                drop(target);
                Box::pin(self.repeat::<M>(cx, args)).await
            }
        };
        let outcome = outcome::<M>(&result);
        path.end(outcome, start.elapsed());
        if measured && let Ok(answer) = &result {
            path.measure_answer(answer);
        }
        if let Some(span) = span {
            let caller = cx.module();
            span.leave(cx, subject::<M>(caller, placement, outcome));
        }
        if placement == Placement::Remote
            && let Err(error) = &result
        {
            // A module in this process has its edge say what it failed of.
            log_failure::<M>(cx, error);
        }
        result
    }
}

fn subject<M: Method>(caller: &'static str, placement: Placement, outcome: usize) -> SpanSubject<'static> {
    SpanSubject {
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
