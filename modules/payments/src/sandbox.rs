//! Sandbox payment provider for demonstrations and tests. Moves no money; the token decides the outcome.
//!
//! | token           | outcome of the authorization                                                         |
//! |-----------------|--------------------------------------------------------------------------------------|
//! | `tok_visa`      | the amount is held                                                                   |
//! | `tok_declined`  | the amount is declined                                                               |
//! | `tok_timeout`   | the amount is held, but the answer exceeds the caller's timeout; a repeat is fast    |
//! | `tok_fail_once` | the first call fails without an effect; a repeat holds the amount                    |
//!
//! The ledger survives the process, like the ledger of a real provider: see [`ledger`].

// The ledger file with all executed operations.
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
use crate::provider::{AuthorizationState, Decision, PaymentProvider, ProviderFailure};

const DECLINED: &str = "the card was declined";

/// The sandbox provider. Several processes may share one ledger.
pub struct SandboxProvider {
    // offshoot: allow(state) the ledger stands for the data of another company: a file, with the entries read so far
    ledger: Arc<Mutex<Ledger>>,
    /// Keys with an intentionally failed first authorization.
    // offshoot: allow(state) simulates a provider that fails once, in tests and demonstrations
    failed_once: Mutex<HashSet<String>>,
    /// Delay of a late answer, longer than the timeout of the callers.
    late_answer_delay: Duration,
}

impl SandboxProvider {
    /// Creates a sandbox with the ledger in the file at `ledger`, or in memory. A missing file is created.
    /// `caller_timeout` is the timeout of the callers, which `tok_timeout` exceeds.
    pub fn new(ledger: Option<PathBuf>, caller_timeout: Duration) -> io::Result<Self> {
        Ok(Self {
            ledger: Arc::new(Mutex::new(Ledger::open(ledger)?)),
            failed_once: Mutex::default(),
            late_answer_delay: caller_timeout * 2,
        })
    }

    /// Decides on the current charge and adds the resulting operation to the ledger. Runs on a blocking thread, because
    /// the file lock may wait for another process.
    async fn decide<T: Send + 'static>(
        &self,
        key: &str,
        decision: impl FnOnce(Option<&Charge>) -> (Result<T, ProviderFailure>, Option<Operation>) + Send + 'static,
    ) -> Result<T, ProviderFailure> {
        let (ledger, key) = (Arc::clone(&self.ledger), key.to_owned());
        let decided = tokio::task::spawn_blocking(move || {
            let mut ledger = ledger.lock().unwrap_or_else(PoisonError::into_inner);
            ledger.update(|charges| {
                let (answer, operation) = decision(charges.get(&key));
                (answer, operation.map(|operation| Entry { key, operation }))
            })
        });
        match decided.await {
            Ok(Ok(answer)) => answer,
            // The write failed or the process is stopping, so the entry may or may not be in the ledger.
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
            _ => Some("the token is not a valid sandbox token"),
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
            tokio::time::sleep(self.late_answer_delay).await;
        }
        Ok(decision)
    }

    async fn find(&self, key: &str) -> Result<Option<AuthorizationState>, ProviderFailure> {
        let state = |charge: Option<&Charge>| {
            charge.map(|charge| match charge {
                Charge::Held { .. } | Charge::Captured { .. } => AuthorizationState::Approved,
                Charge::Declined { reason } => AuthorizationState::Declined { reason: reason.clone() },
                Charge::Voided => AuthorizationState::Voided,
            })
        };
        self.decide(key, move |charge| (Ok(state(charge)), None)).await
    }

    async fn capture(&self, key: &str) -> Result<(), ProviderFailure> {
        let capture = |charge: Option<&Charge>| match charge {
            Some(Charge::Held { .. }) => (Ok(()), Some(Operation::Capture)),
            Some(Charge::Captured { .. }) => (Ok(()), None),
            _ => (refuse("no amount is held"), None),
        };
        self.decide(key, capture).await
    }

    async fn void(&self, key: &str) -> Result<(), ProviderFailure> {
        let void = |charge: Option<&Charge>| match charge {
            None | Some(Charge::Held { .. }) => (Ok(()), Some(Operation::Void)),
            Some(Charge::Voided | Charge::Declined { .. }) => (Ok(()), None),
            Some(Charge::Captured { .. }) => (refuse("the amount was captured"), None),
        };
        self.decide(key, void).await
    }

    async fn refund(&self, key: &str, refund: &str, amount: Money) -> Result<(), ProviderFailure> {
        let refund = refund.to_owned();
        let decision = move |charge: Option<&Charge>| match charge {
            Some(Charge::Captured { refunds, .. }) if refunds.contains_key(&refund) => (Ok(()), None),
            Some(Charge::Captured {
                amount: captured,
                refunds,
            }) => {
                let refunded: i64 = refunds.values().map(|refund| refund.ten_thousandths()).sum();
                if refunded + amount.ten_thousandths() > captured.ten_thousandths() {
                    return (refuse("the refunds would exceed the captured amount"), None);
                }
                (Ok(()), Some(Operation::Refund { refund, amount }))
            }
            _ => (refuse("no amount was captured"), None),
        };
        self.decide(key, decision).await
    }
}

fn refuse<T>(reason: &str) -> Result<T, ProviderFailure> {
    let reason = reason.to_owned();
    Err(ProviderFailure::Refused { reason })
}
