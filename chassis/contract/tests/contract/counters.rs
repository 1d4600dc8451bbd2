//! Fixture: a small contract, and an implementation scripted by the test.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use offshoot_contract::{
    CallContext, CallFailure, Contract, ContractError, Edge, Entity, Id, Switch, Target, contract,
};

pub(crate) struct CounterEntity;
impl Entity for CounterEntity {
    const PREFIX: &'static str = "counter";
}
pub(crate) type CounterId = Id<CounterEntity>;

/// Counts.
#[contract(name = "counters", version = "1.0")]
#[async_trait]
pub(crate) trait CountersApi: Send + Sync + 'static {
    /// The value of a counter. Fails with `UnknownCounter`.
    #[get("/counters/{id}")]
    async fn value(&self, cx: &mut CallContext, id: CounterId) -> Result<u32, CountersError>;

    /// Sets a counter.
    #[put("/counters/{id}")]
    async fn set(&self, cx: &mut CallContext, id: CounterId, value: u32) -> Result<u32, CountersError>;

    /// Adds to a counter and
    /// returns the sum. A repeat adds again.
    #[post("/counters/{id}/additions", timeout = "300ms")]
    async fn add(
        &self,
        cx: &mut CallContext,
        id: CounterId,
        #[schemars(range(max = 1_000))] amount: u32,
    ) -> Result<u32, CountersError>;
}

#[derive(Debug, Clone, PartialEq, thiserror::Error, ContractError)]
pub(crate) enum CountersError {
    /// No counter has this id.
    #[error("there is no counter {id}")]
    #[problem(status = 404, code = "unknown-counter")]
    UnknownCounter { id: CounterId },
    #[error(transparent)]
    Call(#[from] CallFailure),
}

pub(crate) type Outcome = Result<u32, CountersError>;
type Step = Box<dyn FnOnce(&mut CallContext) -> futures_util::future::BoxFuture<'_, Outcome> + Send>;

/// An implementation that answers each call with the next step of the script.
#[derive(Default)]
pub(crate) struct Scripted {
    steps: Mutex<VecDeque<Step>>,
    pub(crate) keys: Mutex<Vec<Option<String>>>,
}

impl Scripted {
    pub(crate) fn then(
        self: &Arc<Self>,
        step: impl FnOnce(&mut CallContext) -> futures_util::future::BoxFuture<'_, Outcome> + Send + 'static,
    ) -> &Arc<Self> {
        self.steps.lock().unwrap().push_back(Box::new(step));
        self
    }

    pub(crate) fn then_answer(self: &Arc<Self>, outcome: Outcome) -> &Arc<Self> {
        self.then(move |_| Box::pin(async move { outcome }))
    }

    pub(crate) fn calls(&self) -> usize {
        self.keys.lock().unwrap().len()
    }

    async fn step(&self, cx: &mut CallContext) -> Outcome {
        self.keys
            .lock()
            .unwrap()
            .push(cx.idempotency_key().map(|key| key.key.to_string()));
        let step = self
            .steps
            .lock()
            .unwrap()
            .pop_front()
            .expect("the script has a step for this call");
        step(cx).await
    }
}

#[async_trait]
impl CountersApi for Scripted {
    async fn value(&self, cx: &mut CallContext, _: CounterId) -> Outcome {
        self.step(cx).await
    }
    async fn set(&self, cx: &mut CallContext, _: CounterId, _: u32) -> Outcome {
        self.step(cx).await
    }
    async fn add(&self, cx: &mut CallContext, _: CounterId, _: u32) -> Outcome {
        self.step(cx).await
    }
}

pub(crate) fn an_id() -> CounterId {
    Id::from_uuid(uuid::Uuid::nil())
}

/// A proxy of the contract over a switch to a scripted implementation.
pub(crate) fn scripted() -> (Arc<dyn CountersApi>, Arc<Scripted>) {
    let script = Arc::new(Scripted::default());
    let edge = Edge::new(Arc::clone(&script) as Arc<dyn CountersApi>);
    let switch = Switch::new(Target::Local(Arc::new(edge)));
    (<dyn CountersApi>::new_proxy(switch), script)
}

pub(crate) fn failure_of(outcome: Outcome) -> CallFailure {
    match outcome {
        Err(CountersError::Call(failure)) => failure,
        other => panic!("expected a failure, got {other:?}"),
    }
}
