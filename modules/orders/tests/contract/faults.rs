//! Faults of calls to stubs: lost calls, lost responses, and calls that are delayed until a test opens a gate. Knows no
//! module.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use offshoot_contract::{CallFailure, FailureKind};
use tokio::sync::Semaphore;

/// How long a test waits for an expected call.
const CALL_TIMEOUT: Duration = Duration::from_secs(20);

/// Fault of one call.
#[derive(Clone)]
pub(crate) enum Fault {
    /// The call has no effect, and the caller knows.
    NotExecuted,
    /// The call takes effect, and the response is lost.
    ResponseLost,
    /// The call has no effect, and never returns.
    Hangs,
    /// The call takes effect once the gate opens.
    CallDelayed(Arc<Gate>),
    /// The call takes effect, and the response arrives once the gate opens.
    ResponseDelayed(Arc<Gate>),
    /// The call has no effect, and the caller learns so once the gate opens.
    FailureDelayed(Arc<Gate>),
}

/// Holds a call until the test opens the gate.
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

    /// Waits until a call has reached the gate.
    pub(crate) async fn wait_until_reached(&self) {
        let reached = tokio::time::timeout(CALL_TIMEOUT, self.reached.acquire()).await;
        reached.expect("no call has reached the gate").unwrap().forget();
    }

    pub(crate) fn open(&self) {
        self.opened.add_permits(1);
    }

    async fn pass(&self) {
        self.reached.add_permits(1);
        self.opened.acquire().await.unwrap().forget();
    }
}

/// Faults of the calls of one stub.
#[derive(Default)]
pub(crate) struct Faults(Mutex<State>);

#[derive(Default)]
struct State {
    next: HashMap<&'static str, VecDeque<Fault>>,
    unavailable: bool,
    calls: HashMap<&'static str, u32>,
}

impl Faults {
    /// Injects a fault into the next call of `method` that has none.
    pub(crate) fn inject(&self, method: &'static str, fault: Fault) {
        self.state().next.entry(method).or_default().push_back(fault);
    }

    /// Makes all calls fail, or ends this outage.
    pub(crate) fn set_unavailable(&self, unavailable: bool) {
        self.state().unavailable = unavailable;
    }

    /// Number of calls of `method`, with or without effect.
    pub(crate) fn count_calls(&self, method: &'static str) -> u32 {
        self.state().calls.get(method).copied().unwrap_or(0)
    }

    /// Performs one call with its effect and its fault.
    pub(crate) async fn call<A, E: From<CallFailure>>(
        &self,
        method: &'static str,
        effect: impl FnOnce() -> Result<A, E> + Send,
    ) -> Result<A, E> {
        match self.next_fault(method) {
            None => effect(),
            Some(Fault::NotExecuted) => Err(unavailable().into()),
            Some(Fault::ResponseLost) => {
                drop(effect());
                Err(CallFailure::maybe_executed(FailureKind::ConnectionLost, "the connection was lost").into())
            }
            Some(Fault::Hangs) => std::future::pending().await,
            Some(Fault::CallDelayed(gate)) => {
                gate.pass().await;
                effect()
            }
            Some(Fault::ResponseDelayed(gate)) => {
                let answer = effect();
                gate.pass().await;
                answer
            }
            Some(Fault::FailureDelayed(gate)) => {
                gate.pass().await;
                Err(unavailable().into())
            }
        }
    }

    fn next_fault(&self, method: &'static str) -> Option<Fault> {
        let mut state = self.state();
        *state.calls.entry(method).or_default() += 1;
        if state.unavailable {
            return Some(Fault::NotExecuted);
        }
        state.next.get_mut(method).and_then(VecDeque::pop_front)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

fn unavailable() -> CallFailure {
    CallFailure::not_executed(FailureKind::Unavailable, "the module is unavailable")
}
