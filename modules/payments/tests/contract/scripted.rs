//! The sandbox, which a body can disturb: any operation can fail before or after it is done, or wait.

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use offshoot_contract::Money;
use payments::{Decision, Found, PaymentProvider, ProviderFailure, SandboxProvider};
use payments_api::v1::PaymentToken;
use tokio::sync::Semaphore;

/// What happens to the next call of an operation.
#[derive(Debug, Clone)]
pub(crate) enum Disturbance {
    /// It fails, and nothing is done.
    Before(ProviderFailure),
    /// It is done, and fails.
    After(ProviderFailure),
    /// It is done when the body says so.
    Waits,
}

pub(crate) struct Scripted {
    sandbox: SandboxProvider,
    script: Mutex<HashMap<&'static str, VecDeque<Disturbance>>>,
    calls: Mutex<Vec<String>>,
    /// Calls that wait may go on.
    pub(crate) gate: Semaphore,
}

impl Scripted {
    pub(crate) fn new(patience: Duration) -> Self {
        Self {
            sandbox: SandboxProvider::new(None, patience).unwrap(),
            script: Mutex::default(),
            calls: Mutex::default(),
            gate: Semaphore::new(0),
        }
    }

    pub(crate) fn next(&self, operation: &'static str, disturbance: Disturbance) {
        self.script
            .lock()
            .unwrap()
            .entry(operation)
            .or_default()
            .push_back(disturbance);
    }

    /// How often it was asked for this.
    pub(crate) fn calls(&self, operation: &str) -> usize {
        self.calls
            .lock()
            .unwrap()
            .iter()
            .filter(|call| call.starts_with(operation))
            .count()
    }

    pub(crate) async fn found(&self, key: &str) -> Option<Found> {
        self.sandbox.find(key).await.unwrap()
    }

    async fn disturbed<T>(
        &self,
        operation: &'static str,
        work: impl Future<Output = Result<T, ProviderFailure>>,
    ) -> Result<T, ProviderFailure> {
        self.calls.lock().unwrap().push(operation.to_owned());
        let disturbance = self
            .script
            .lock()
            .unwrap()
            .get_mut(operation)
            .and_then(VecDeque::pop_front);
        match disturbance {
            None => work.await,
            Some(Disturbance::Before(failure)) => Err(failure),
            Some(Disturbance::After(failure)) => work.await.and(Err(failure)),
            Some(Disturbance::Waits) => {
                self.gate.acquire().await.unwrap().forget();
                work.await
            }
        }
    }
}

#[async_trait]
impl PaymentProvider for Scripted {
    async fn authorize(&self, key: &str, token: &PaymentToken, amount: Money) -> Result<Decision, ProviderFailure> {
        self.disturbed("authorize", self.sandbox.authorize(key, token, amount))
            .await
    }

    async fn find(&self, key: &str) -> Result<Option<Found>, ProviderFailure> {
        self.disturbed("find", self.sandbox.find(key)).await
    }

    async fn capture(&self, key: &str) -> Result<(), ProviderFailure> {
        self.disturbed("capture", self.sandbox.capture(key)).await
    }

    async fn void(&self, key: &str) -> Result<(), ProviderFailure> {
        self.disturbed("void", self.sandbox.void(key)).await
    }

    async fn refund(&self, key: &str, refund: &str, amount: Money) -> Result<(), ProviderFailure> {
        self.disturbed("refund", self.sandbox.refund(key, refund, amount)).await
    }
}
