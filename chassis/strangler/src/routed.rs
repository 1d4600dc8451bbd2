//! The strangler's view of a module in this process: plans route the module, and the module observes the candidate.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use offshoot_contract::{MethodSpec, TrialObserver};
use uuid::Uuid;

use crate::control::Observation;
use crate::plan::{MemberAbilities, Plan};

/// Instances of the processes that follow the control database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Processes {
    /// Processes that route calls of the module.
    pub members: BTreeSet<Uuid>,
    /// Processes that were started as candidates for the module.
    pub candidates: BTreeSet<Uuid>,
}

/// Events that the background work of this process has dealt with since the process started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EventCounts {
    /// All events, those that were set aside included.
    pub handled: u64,
    /// Events that were set aside, because their handler failed too often.
    pub set_aside: u64,
}

/// A module that plans can route.
pub trait RoutedModule: Send + Sync {
    /// The module's name.
    fn name(&self) -> &'static str;

    /// The methods of the contract, in the order of the trait.
    fn methods(&self) -> Vec<&'static MethodSpec>;

    /// Abilities of this process: to execute calls of the module, and to reach a candidate.
    fn abilities(&self) -> MemberAbilities;

    /// Known addresses of the candidate.
    fn addresses(&self) -> Vec<String>;

    /// Routes later calls by `plan`. Calls in flight end where they are. `observer` receives the attempts.
    fn route(&self, plan: &Plan, observer: Arc<dyn TrialObserver>);

    /// Whether this process may do the module's background work. Without the module's data here, changes nothing.
    fn allow_work(&self, allowed: bool);

    /// Build of this process, as in the identity; `None` for an unreadable executable. The first call waits.
    fn build(&self) -> BoxFuture<'_, Option<String>> {
        Box::pin(async { None })
    }

    /// Whether one of the candidates does background work on the module's data. `None` if the data does not tell.
    fn does_any_work(&self, candidates: BTreeSet<Uuid>) -> BoxFuture<'_, Option<bool>> {
        Box::pin(async move { Some(!candidates.is_empty()) })
    }

    /// Whether the module handles events of others. True if this process does not know.
    fn listens(&self) -> bool {
        true
    }

    /// Events that the module's background work in this process has dealt with. The evidence for a candidate's work.
    fn events(&self) -> EventCounts {
        EventCounts::default()
    }

    /// Asks the processes at the candidate's addresses for their identities, and reads the roster of the module's data.
    fn observe(&self, processes: Processes) -> BoxFuture<'_, Observation>;
}
