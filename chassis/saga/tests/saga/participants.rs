//! Fake participants of sagas: other modules that record effects by key, with faults that a test injects.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Mutex;

use offshoot_contract::{CallFailure, FailureKind};
use offshoot_saga::StepError;
use tokio::sync::Semaphore;

/// Fault of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The module is unavailable.
    Unavailable,
    /// The call takes effect, and the response is lost.
    ResponseLost,
    /// The call has no effect, and never returns.
    Hangs,
    /// The call takes effect, and never returns.
    HangsAfterEffect,
    /// The module refuses the call.
    Refused,
    /// The response violates the contract.
    InvalidResponse,
}

#[derive(Default)]
pub(crate) struct Participants {
    state: Mutex<State>,
    /// Gate at which the calls of some steps wait.
    gate: Mutex<Option<Gate>>,
}

#[derive(Default)]
struct State {
    /// Every call, in order of arrival.
    calls: Vec<String>,
    /// Effects by key.
    effects: BTreeMap<String, u32>,
    faults: HashMap<String, VecDeque<Fault>>,
}

/// Makes the calls of `steps` wait: each call adds a permit to `reached`, and needs one of `opened`.
struct Gate {
    steps: Vec<String>,
    reached: std::sync::Arc<Semaphore>,
    opened: std::sync::Arc<Semaphore>,
}

impl Participants {
    /// Injects faults into the next calls of a step.
    pub(crate) fn inject(&self, step: &str, faults: impl IntoIterator<Item = Fault>) {
        let mut state = self.state.lock().unwrap();
        state.faults.entry(step.to_owned()).or_default().extend(faults);
    }

    /// Removes the faults that no call has met.
    pub(crate) fn clear_faults(&self) {
        self.state.lock().unwrap().faults.clear();
    }

    /// Makes calls of these steps wait. Returns a semaphore of arrived calls, and one that lets calls continue.
    pub(crate) fn hold(&self, steps: &[&str]) -> [std::sync::Arc<Semaphore>; 2] {
        let semaphores = [(); 2].map(|()| std::sync::Arc::new(Semaphore::new(0)));
        let [reached, opened] = semaphores.clone();
        *self.gate.lock().unwrap() = Some(Gate {
            steps: steps.iter().map(|step| (*step).to_owned()).collect(),
            reached,
            opened,
        });
        semaphores
    }

    /// One call. Calls with the same key take effect once.
    pub(crate) async fn call(&self, step: &str, key: String) -> Result<(), StepError<String>> {
        let fault = {
            let mut state = self.state.lock().unwrap();
            state.calls.push(step.to_owned());
            state.faults.get_mut(step).and_then(VecDeque::pop_front)
        };
        self.pass_the_gate(step).await;
        match fault {
            None => {
                self.take_effect(key);
                Ok(())
            }
            Some(Fault::Unavailable) => {
                Err(CallFailure::not_executed(FailureKind::Unavailable, "the module is unavailable").into())
            }
            Some(Fault::ResponseLost) => {
                self.take_effect(key);
                Err(CallFailure::maybe_executed(FailureKind::ConnectionLost, "the connection was lost").into())
            }
            Some(Fault::Hangs) => std::future::pending().await,
            Some(Fault::HangsAfterEffect) => {
                self.take_effect(key);
                std::future::pending().await
            }
            Some(Fault::Refused) => Err(StepError::Refused(format!("{step} is sold out"))),
            // Postgres rejects NUL in a text.
            Some(Fault::InvalidResponse) => Err(CallFailure::internal("invalid response\0").into()),
        }
    }

    async fn pass_the_gate(&self, step: &str) {
        let gate = {
            let gate = self.gate.lock().unwrap();
            let here = gate.as_ref().filter(|gate| gate.steps.iter().any(|held| held == step));
            here.map(|gate| (gate.reached.clone(), gate.opened.clone()))
        };
        if let Some((reached, opened)) = gate {
            reached.add_permits(1);
            opened.acquire().await.unwrap().forget();
        }
    }

    fn take_effect(&self, key: String) {
        *self.state.lock().unwrap().effects.entry(key).or_default() = 1;
    }

    /// All calls so far.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.state.lock().unwrap().calls.clone()
    }

    /// Names of the steps of a subject that took effect, sorted.
    pub(crate) fn completed_steps(&self, subject: &str) -> Vec<String> {
        let state = self.state.lock().unwrap();
        let prefix = format!("{subject}.");
        let keys = state.effects.keys();
        keys.filter_map(|key| key.strip_prefix(&prefix))
            .map(str::to_owned)
            .collect()
    }

    /// Number of keys that took effect.
    pub(crate) fn count_effects(&self) -> usize {
        self.state.lock().unwrap().effects.len()
    }
}
