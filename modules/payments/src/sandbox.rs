//! A payment provider for trying the store out: it moves no money, and does what its tokens say.
//!
//! | token           | what happens                                                                          |
//! |-----------------|---------------------------------------------------------------------------------------|
//! | `tok_visa`      | the amount is held                                                                    |
//! | `tok_declined`  | it is not                                                                             |
//! | `tok_timeout`   | it is held, and the answer comes later than anybody waits; asked again, at once        |
//! | `tok_fail_once` | the first time nothing is done; asked again, the amount is held                       |
//!
//! Its books outlive the process, as a real provider's would: see [`ledger`].

// What was done, in a file.
mod ledger;

use std::collections::HashSet;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use offshoot_contract::Money;
use payments_api::v1::PaymentToken;

pub use self::ledger::{Charge, read_ledger};

use self::ledger::{Entry, Ledger, Operation};
use crate::provider::{Decision, Found, PaymentProvider, ProviderFailure};

const DECLINED: &str = "the card was declined";

/// The sandbox. Several processes may share one ledger.
pub struct SandboxProvider {
    // offshoot: allow(state) the ledger of the provider, which is another company: a file, with what was read of it
    ledger: Arc<Mutex<Ledger>>,
    /// Keys whose first authorization failed on purpose.
    // offshoot: allow(state) plays a provider that fails once, in tests and demonstrations
    failed_once: Mutex<HashSet<String>>,
    /// Longer than anybody waits for an answer.
    too_late: Duration,
}

impl SandboxProvider {
    /// A sandbox that keeps its books in the file at `ledger`, which is made if it is not there, or in memory.
    /// `patience` is how long its callers wait for an answer.
    pub fn new(ledger: Option<PathBuf>, patience: Duration) -> io::Result<Self> {
        Ok(Self {
            ledger: Arc::new(Mutex::new(Ledger::open(ledger)?)),
            failed_once: Mutex::default(),
            too_late: patience * 2,
        })
    }

    /// Decides with the books at hand. On a thread where waiting for another process does no harm.
    async fn decide<T: Send + 'static>(
        &self,
        key: &str,
        decision: impl FnOnce(Option<&Charge>) -> (Result<T, ProviderFailure>, Option<Operation>) + Send + 'static,
    ) -> Result<T, ProviderFailure> {
        let (ledger, key) = (Arc::clone(&self.ledger), key.to_owned());
        let decided = tokio::task::spawn_blocking(move || {
            let mut ledger = ledger.lock().unwrap_or_else(PoisonError::into_inner);
            ledger.write(|charges| {
                let (answer, operation) = decision(charges.get(&key));
                (answer, operation.map(|operation| Entry { key, operation }))
            })
        });
        match decided.await {
            Ok(Ok(answer)) => answer,
            // Its books cannot be written, or the process stops: whether they were, nobody knows.
            _ => Err(ProviderFailure::Unknown),
        }
    }
}

#[async_trait]
impl PaymentProvider for SandboxProvider {
    async fn authorize(&self, key: &str, token: &PaymentToken, amount: Money) -> Result<Decision, ProviderFailure> {
        let token = token.expose();
        let fails = token == "tok_fail_once"
            && self
                .failed_once
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(key.to_owned());
        let reason = match token {
            "tok_visa" | "tok_timeout" | "tok_fail_once" => None,
            "tok_declined" => Some(DECLINED),
            _ => Some("this is none of the sandbox's tokens"),
        };
        let decided = self.decide(key, move |charge| match charge {
            Some(Charge::Declined { reason }) => (Ok((Decision::Declined { reason: reason.clone() }, false)), None),
            Some(Charge::Voided) => (refuse("the authorization was voided"), None),
            Some(Charge::Held { .. } | Charge::Captured { .. }) => (Ok((Decision::Approved, false)), None),
            None if fails => (Err(ProviderFailure::Unavailable), None),
            None => match reason.map(str::to_owned) {
                Some(reason) => {
                    let operation = Operation::Decline { reason: reason.clone() };
                    (Ok((Decision::Declined { reason }, true)), Some(operation))
                }
                None => (Ok((Decision::Approved, true)), Some(Operation::Authorize { amount })),
            },
        });
        let (decision, is_new) = decided.await?;
        if is_new && token == "tok_timeout" {
            tokio::time::sleep(self.too_late).await;
        }
        Ok(decision)
    }

    async fn find(&self, key: &str) -> Result<Option<Found>, ProviderFailure> {
        let found = |charge: Option<&Charge>| {
            charge.map(|charge| match charge {
                Charge::Held { .. } | Charge::Captured { .. } => Found::Approved,
                Charge::Declined { reason } => Found::Declined { reason: reason.clone() },
                Charge::Voided => Found::Voided,
            })
        };
        self.decide(key, move |charge| (Ok(found(charge)), None)).await
    }

    async fn capture(&self, key: &str) -> Result<(), ProviderFailure> {
        let capture = |charge: Option<&Charge>| match charge {
            Some(Charge::Held { .. }) => (Ok(()), Some(Operation::Capture)),
            Some(Charge::Captured { .. }) => (Ok(()), None),
            _ => (refuse("nothing is held"), None),
        };
        self.decide(key, capture).await
    }

    async fn void(&self, key: &str) -> Result<(), ProviderFailure> {
        let void = |charge: Option<&Charge>| match charge {
            None | Some(Charge::Held { .. }) => (Ok(()), Some(Operation::Void)),
            Some(Charge::Voided | Charge::Declined { .. }) => (Ok(()), None),
            Some(Charge::Captured { .. }) => (refuse("the money was taken"), None),
        };
        self.decide(key, void).await
    }

    async fn refund(&self, key: &str, refund: &str, amount: Money) -> Result<(), ProviderFailure> {
        let refund = refund.to_owned();
        let decision = move |charge: Option<&Charge>| match charge {
            Some(Charge::Captured { refunds, .. }) if refunds.contains_key(&refund) => (Ok(()), None),
            Some(Charge::Captured { amount: taken, refunds }) => {
                let given: i64 = refunds.values().map(|back| back.ten_thousandths()).sum();
                if given + amount.ten_thousandths() > taken.ten_thousandths() {
                    return (refuse("that is more than was taken"), None);
                }
                (Ok(()), Some(Operation::Refund { refund, amount }))
            }
            _ => (refuse("no money was taken"), None),
        };
        self.decide(key, decision).await
    }
}

fn refuse<T>(reason: &str) -> Result<T, ProviderFailure> {
    let reason = reason.to_owned();
    Err(ProviderFailure::Refused { reason })
}
