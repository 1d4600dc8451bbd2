//! Faults of calls to a test double: lost calls, lost responses, and calls that are delayed until a test opens a gate.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use offshoot_contract::{CallFailure, FailureKind};
use tokio::sync::Semaphore;

/// How long a test waits for an expected call.
const CALL_TIMEOUT: Duration = Duration::from_secs(20);

/// Fault of one call.
#[derive(Debug, Clone)]
pub enum Fault {
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
#[derive(Debug)]
pub struct Gate {
    reached: Semaphore,
    opened: Semaphore,
}

impl Gate {
    /// A gate that the test opens later.
    #[must_use]
    pub fn closed() -> Arc<Self> {
        Arc::new(Self {
            reached: Semaphore::new(0),
            opened: Semaphore::new(0),
        })
    }

    /// Waits until a call has reached the gate.
    pub async fn wait_until_reached(&self) {
        let reached = tokio::time::timeout(CALL_TIMEOUT, self.reached.acquire()).await;
        reached
            .expect("no call has reached the gate")
            .expect("the gate is never closed")
            .forget();
    }

    /// Lets one call pass.
    pub fn open(&self) {
        self.opened.add_permits(1);
    }

    async fn pass(&self) {
        self.reached.add_permits(1);
        let opened = self.opened.acquire().await;
        opened.expect("the gate is never closed").forget();
    }
}

/// Faults of the calls of one double. Clones share their faults.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    next: HashMap<&'static str, VecDeque<Fault>>,
    permanent: Option<Fault>,
    calls: HashMap<&'static str, u32>,
}

impl Faults {
    /// Injects a fault into the next call of `method` that has none.
    pub fn inject(&self, method: &'static str, fault: Fault) {
        self.state().next.entry(method).or_default().push_back(fault);
    }

    /// Gives every call this fault from now on; `None` ends the faults.
    pub fn set_permanent(&self, fault: Option<Fault>) {
        self.state().permanent = fault;
    }

    /// Number of calls of `method`, with or without effect.
    #[must_use]
    pub fn count_calls(&self, method: &'static str) -> u32 {
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
        if state.permanent.is_some() {
            return state.permanent.clone();
        }
        state.next.get_mut(method).and_then(VecDeque::pop_front)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no test panics while holding the lock")
    }
}

fn unavailable() -> CallFailure {
    CallFailure::not_executed(FailureKind::Unavailable, "the module is unavailable")
}
