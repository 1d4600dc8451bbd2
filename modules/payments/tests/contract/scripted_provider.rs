//! The sandbox provider with injected faults: any operation can fail before or after the execution, or wait.

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use offshoot_contract::Money;
use payments::{AuthorizationState, Decision, PaymentProvider, ProviderFailure, SandboxProvider};
use payments_api::v1::PaymentToken;
use tokio::sync::Semaphore;

/// Fault of the next call of an operation.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// The call fails without execution.
    FailBefore(ProviderFailure),
    /// The operation is executed, then the call fails.
    FailAfter(ProviderFailure),
    /// The operation waits for a permit of the gate before the execution.
    Wait,
}

pub(crate) struct ScriptedProvider {
    sandbox: SandboxProvider,
    script: Mutex<HashMap<&'static str, VecDeque<Fault>>>,
    calls: Mutex<Vec<String>>,
    /// One permit lets one waiting call continue.
    pub(crate) gate: Semaphore,
}

impl ScriptedProvider {
    pub(crate) fn new(caller_timeout: Duration) -> Self {
        Self {
            sandbox: SandboxProvider::new(None, caller_timeout).unwrap(),
            script: Mutex::default(),
            calls: Mutex::default(),
            gate: Semaphore::new(0),
        }
    }

    pub(crate) fn inject(&self, operation: &'static str, fault: Fault) {
        self.script
            .lock()
            .unwrap()
            .entry(operation)
            .or_default()
            .push_back(fault);
    }

    /// Number of calls of an operation so far.
    pub(crate) fn call_count(&self, operation: &str) -> usize {
        self.calls
            .lock()
            .unwrap()
            .iter()
            .filter(|call| call.starts_with(operation))
            .count()
    }

    pub(crate) async fn state_of(&self, key: &str) -> Option<AuthorizationState> {
        self.sandbox.find(key).await.unwrap()
    }

    async fn apply_fault<T>(
        &self,
        operation: &'static str,
        work: impl Future<Output = Result<T, ProviderFailure>>,
    ) -> Result<T, ProviderFailure> {
        self.calls.lock().unwrap().push(operation.to_owned());
        let fault = self
            .script
            .lock()
            .unwrap()
            .get_mut(operation)
            .and_then(VecDeque::pop_front);
        match fault {
            None => work.await,
            Some(Fault::FailBefore(failure)) => Err(failure),
            Some(Fault::FailAfter(failure)) => work.await.and(Err(failure)),
            Some(Fault::Wait) => {
                self.gate.acquire().await.unwrap().forget();
                work.await
            }
        }
    }
}

#[async_trait]
impl PaymentProvider for ScriptedProvider {
    async fn authorize(&self, key: &str, token: &PaymentToken, amount: Money) -> Result<Decision, ProviderFailure> {
        self.apply_fault("authorize", self.sandbox.authorize(key, token, amount))
            .await
    }

    async fn find(&self, key: &str) -> Result<Option<AuthorizationState>, ProviderFailure> {
        self.apply_fault("find", self.sandbox.find(key)).await
    }

    async fn capture(&self, key: &str) -> Result<(), ProviderFailure> {
        self.apply_fault("capture", self.sandbox.capture(key)).await
    }

    async fn void(&self, key: &str) -> Result<(), ProviderFailure> {
        self.apply_fault("void", self.sandbox.void(key)).await
    }

    async fn refund(&self, key: &str, refund: &str, amount: Money) -> Result<(), ProviderFailure> {
        self.apply_fault("refund", self.sandbox.refund(key, refund, amount))
            .await
    }
}
