//! Test double of a module, made from its contract: a test answers the methods that its module calls, and every other
//! method fails.

use std::any::{Any, TypeId, type_name};
use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use offshoot_contract::{ArgsOf, CallContext, CallFailure, Contract, Edge, Invoke, Method, OutcomeOf};

use crate::faults::Faults;

/// A double of contract `A` with data `S`.
///
/// ```text
/// let counters: Arc<Counters> = Arc::default();
/// let api = Double::<dyn CountersApi, _>::new(counters)
///     .answers(CounterMethod, |counters, call| counters.value(call.params.id))
///     .into_api();
/// ```
pub struct Double<A: ?Sized, S> {
    data: Arc<S>,
    /// [`Answer`] by the type of the method.
    answers: HashMap<TypeId, Box<dyn Any + Send + Sync>>,
    faults: Faults,
    contract: PhantomData<fn() -> Box<A>>,
}

type Answer<M, S> = Box<dyn Fn(&S, ArgsOf<M>) -> OutcomeOf<M> + Send + Sync>;

impl<A: Contract + ?Sized, S: Send + Sync + 'static> Double<A, S> {
    /// A double that answers nothing yet.
    #[must_use]
    pub fn new(data: Arc<S>) -> Self {
        Self {
            data,
            answers: HashMap::new(),
            faults: Faults::default(),
            contract: PhantomData,
        }
    }

    /// Answers calls of a method.
    #[must_use]
    pub fn answers<M: Method<Api = A>>(
        mut self,
        _method: M,
        answer: impl Fn(&S, ArgsOf<M>) -> OutcomeOf<M> + Send + Sync + 'static,
    ) -> Self {
        let answer: Answer<M, S> = Box::new(answer);
        self.answers.insert(TypeId::of::<M>(), Box::new(answer));
        self
    }

    /// Injects faults into the calls.
    #[must_use]
    pub fn with_faults(mut self, faults: &Faults) -> Self {
        self.faults = faults.clone();
        self
    }

    /// The double behind an edge, as a module calls another module in its process.
    #[must_use]
    pub fn into_api(self) -> Arc<A> {
        A::new_proxy(Arc::new(Edge::new(A::new_proxy(self))))
    }
}

impl<A: Contract + ?Sized, S: Send + Sync + 'static> Invoke<A> for Double<A, S> {
    async fn invoke<M: Method<Api = A>>(&self, _: &mut CallContext, args: ArgsOf<M>) -> OutcomeOf<M> {
        let answer = self.answers.get(&TypeId::of::<M>());
        let Some(answer) = answer.and_then(|answer| answer.downcast_ref::<Answer<M, S>>()) else {
            let why = format!("the test double of {} does not answer `{}`", A::NAME, M::SPEC.name);
            return Err(CallFailure::internal(why).into());
        };
        self.faults.call(M::SPEC.name, || answer(&self.data, args)).await
    }
}

impl<A: ?Sized, S> fmt::Debug for Double<A, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Double of {}", type_name::<A>())
    }
}
