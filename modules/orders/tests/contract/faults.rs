//! What goes wrong between the orders and another module: lost calls, lost answers, and calls that arrive when the world
//! has moved on. Knows no module.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use offshoot_contract::{CallFailure, FailureKind};
use tokio::sync::Semaphore;

/// How long a body waits for a call that should come at once.
const PATIENCE: Duration = Duration::from_secs(20);

/// What becomes of one call.
#[derive(Clone)]
pub(crate) enum Fault {
    /// It does not arrive, and the caller knows.
    NotDone,
    /// It takes effect, and the caller does not learn of it.
    AnswerLost,
    /// It does not arrive, and the caller waits until its time is over.
    Hangs,
    /// It arrives when the gate is opened.
    ArrivesLate(Arc<Gate>),
    /// It takes effect, and its answer arrives when the gate is opened.
    AnswersLate(Arc<Gate>),
    /// It does not arrive, and the caller knows when the gate is opened.
    FailsLate(Arc<Gate>),
}

/// Holds a call until somebody lets it go on.
pub(crate) struct Gate {
    reached: Semaphore,
    opened: Semaphore,
}

impl Gate {
    pub(crate) fn closed() -> Arc<Self> {
        Arc::new(Self {
            reached: Semaphore::new(0),
            opened: Semaphore::new(0),
        })
    }

    /// Waits until a call stands before it.
    pub(crate) async fn is_reached(&self) {
        let reached = tokio::time::timeout(PATIENCE, self.reached.acquire()).await;
        reached.expect("no call has come").unwrap().forget();
    }

    pub(crate) fn open(&self) {
        self.opened.add_permits(1);
    }

    async fn pass(&self) {
        self.reached.add_permits(1);
        self.opened.acquire().await.unwrap().forget();
    }
}

/// What becomes of the calls of one stub.
#[derive(Default)]
pub(crate) struct Faults(Mutex<State>);

#[derive(Default)]
struct State {
    next: HashMap<&'static str, VecDeque<Fault>>,
    away: bool,
    calls: HashMap<&'static str, u32>,
}

impl Faults {
    /// The next call of `method` for which nothing is said yet.
    pub(crate) fn next(&self, method: &'static str, fault: Fault) {
        self.state().next.entry(method).or_default().push_back(fault);
    }

    /// Whether nobody answers, whatever is called.
    pub(crate) fn away(&self, away: bool) {
        self.state().away = away;
    }

    /// How often `method` was called, in vain or not.
    pub(crate) fn calls(&self, method: &'static str) -> u32 {
        self.state().calls.get(method).copied().unwrap_or(0)
    }

    /// Makes one call: its effect, and what goes wrong.
    pub(crate) async fn around<A, E: From<CallFailure>>(
        &self,
        method: &'static str,
        effect: impl FnOnce() -> Result<A, E> + Send,
    ) -> Result<A, E> {
        match self.take(method) {
            None => effect(),
            Some(Fault::NotDone) => Err(closed().into()),
            Some(Fault::AnswerLost) => {
                drop(effect());
                Err(CallFailure::maybe_executed(FailureKind::ConnectionLost, "the line went dead").into())
            }
            Some(Fault::Hangs) => std::future::pending().await,
            Some(Fault::ArrivesLate(gate)) => {
                gate.pass().await;
                effect()
            }
            Some(Fault::AnswersLate(gate)) => {
                let answer = effect();
                gate.pass().await;
                answer
            }
            Some(Fault::FailsLate(gate)) => {
                gate.pass().await;
                Err(closed().into())
            }
        }
    }

    fn take(&self, method: &'static str) -> Option<Fault> {
        let mut state = self.state();
        *state.calls.entry(method).or_default() += 1;
        if state.away {
            return Some(Fault::NotDone);
        }
        state.next.get_mut(method).and_then(VecDeque::pop_front)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

fn closed() -> CallFailure {
    CallFailure::not_executed(FailureKind::Unavailable, "closed today")
}
