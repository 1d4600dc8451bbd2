//! What is outside of the module that drives sagas: others that keep what was done under a key, and what goes wrong on
//! the way to them.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Mutex;

use offshoot_contract::{CallFailure, FailureKind};
use offshoot_saga::Setback;
use tokio::sync::Semaphore;

/// What becomes of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nobody is there.
    Away,
    /// It takes effect, and its answer is lost.
    AnswerLost,
    /// It does not arrive, and its caller waits.
    Hangs,
    /// It takes effect, and its caller waits.
    HangsAfterwards,
    /// It cannot be done.
    Refused,
    /// It is answered as nobody should.
    Nonsense,
}

#[derive(Default)]
pub(crate) struct World {
    state: Mutex<State>,
    /// For calls that meet somebody at the gate.
    gate: Mutex<Option<Gate>>,
}

#[derive(Default)]
struct State {
    /// Every call, as it came.
    calls: Vec<String>,
    /// How often each key took effect.
    effects: BTreeMap<String, u32>,
    faults: HashMap<String, VecDeque<Fault>>,
}

/// Where calls wait for each other.
struct Gate {
    steps: Vec<String>,
    reached: std::sync::Arc<Semaphore>,
    opened: std::sync::Arc<Semaphore>,
}

impl World {
    /// What becomes of the next calls of a step.
    pub(crate) fn next(&self, step: &str, faults: impl IntoIterator<Item = Fault>) {
        let mut state = self.state.lock().unwrap();
        state.faults.entry(step.to_owned()).or_default().extend(faults);
    }

    /// What was said about calls that have not come.
    pub(crate) fn forget_faults(&self) {
        self.state.lock().unwrap().faults.clear();
    }

    /// Calls of these steps wait; answers what says that they came, and what lets them go.
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

    /// One call. Repeated under its key it takes effect once.
    pub(crate) async fn call(&self, step: &str, key: String) -> Result<(), Setback<String>> {
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
            Some(Fault::Away) => Err(CallFailure::not_executed(FailureKind::Unavailable, "closed today").into()),
            Some(Fault::AnswerLost) => {
                self.take_effect(key);
                Err(CallFailure::maybe_executed(FailureKind::ConnectionLost, "the line went dead").into())
            }
            Some(Fault::Hangs) => std::future::pending().await,
            Some(Fault::HangsAfterwards) => {
                self.take_effect(key);
                std::future::pending().await
            }
            Some(Fault::Refused) => Err(Setback::Refused(format!("{step} is sold out"))),
            Some(Fault::Nonsense) => Err(CallFailure::internal("forty-two").into()),
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

    /// Every call so far.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.state.lock().unwrap().calls.clone()
    }

    /// The steps of a subject that took effect, by name.
    pub(crate) fn done(&self, subject: &str) -> Vec<String> {
        let state = self.state.lock().unwrap();
        let begin = format!("{subject}.");
        let keys = state.effects.keys();
        keys.filter_map(|key| key.strip_prefix(&begin))
            .map(str::to_owned)
            .collect()
    }

    /// Keys that took effect.
    pub(crate) fn effects(&self) -> usize {
        self.state.lock().unwrap().effects.len()
    }
}
