//! Every bound on remote calls, in one place: what a client allows itself, and what a server takes.
//!
//! How often a call may be repeated is decided by the switch, from the method's class; how long it may take, by its
//! method and its caller's deadline.

use std::collections::BTreeMap;
use std::time::Duration;

use offshoot_contract::{Contract, MethodSpec, method_specs};
use tokio::sync::Semaphore;

/// What a client of one module allows itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientLimits {
    /// Calls under way at once, to all addresses together. So a slow module cannot take its callers' memory, nor their
    /// other callees' share.
    pub in_flight: usize,
    /// How long a call waits for its turn when there are as many. Then it is `Overloaded`, and has not executed.
    pub queue_wait: Duration,
    /// Failed calls in a row after which an address is left alone. Half of many calls count like all of few.
    pub failures: u32,
    /// For how long, at first. Then one call is let through: if it fails too, twice as long.
    pub pause: Duration,
    /// For how long at most.
    pub longest_pause: Duration,
    /// How long one attempt of a call may take, where the contract allows more.
    pub timeout: Option<Duration>,
    /// What holds for one method beside that, by its name.
    pub methods: BTreeMap<String, MethodLimits>,
}

/// What a client of one module allows itself for one method.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MethodLimits {
    /// Calls of it under way at once; none: as many as of the module.
    pub in_flight: Option<usize>,
    /// How long one attempt may take; none: as long as of any method of the module.
    pub timeout: Option<Duration>,
}

/// The limits speak of a method that the contract does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{module} has no method `{method}`: it has {known}")]
pub struct UnknownMethod {
    /// Of which contract.
    pub module: &'static str,
    /// As it was given.
    pub method: String,
    /// Those that there are.
    pub known: String,
}

/// What holds for one method of a client.
#[derive(Debug)]
pub(crate) struct Bounds {
    pub(crate) timeout: Duration,
    pub(crate) turns: Option<Semaphore>,
}

impl Bounds {
    /// For what is no method of the contract, and brings its own deadline.
    pub(crate) fn of_others() -> Self {
        Self {
            timeout: OTHERS_TIMEOUT,
            turns: None,
        }
    }
}

impl ClientLimits {
    /// Refuses names of methods that the contract does not have.
    pub fn check<A: Contract + ?Sized>(&self) -> Result<(), UnknownMethod> {
        let specs = method_specs::<A>();
        let is_unknown = |method: &&String| specs.iter().all(|spec| spec.name != method.as_str());
        self.methods.keys().find(is_unknown).map_or(Ok(()), |method| {
            let known: Vec<_> = specs.iter().map(|spec| spec.name).collect();
            Err(UnknownMethod {
                module: A::NAME,
                method: method.clone(),
                known: known.join(", "),
            })
        })
    }

    /// For each method, by its position in the trait.
    pub(crate) fn bounds<A: Contract + ?Sized>(&self) -> Vec<Bounds> {
        let bounds = |spec: &&MethodSpec| {
            let own = self.methods.get(spec.name).cloned().unwrap_or_default();
            let timeout = own.timeout.or(self.timeout);
            Bounds {
                timeout: timeout.map_or(spec.timeout, |timeout| timeout.min(spec.timeout)),
                turns: own.in_flight.map(Semaphore::new),
            }
        };
        method_specs::<A>().iter().map(bounds).collect()
    }
}

impl Default for ClientLimits {
    fn default() -> Self {
        Self {
            in_flight: 256,
            queue_wait: Duration::from_millis(100),
            failures: 5,
            pause: Duration::from_millis(500),
            longest_pause: Duration::from_secs(10),
            timeout: None,
            methods: BTreeMap::new(),
        }
    }
}

/// Calls that one version of a module executes at once for others, if it does not say otherwise. What comes beyond is
/// turned away before its body is read.
pub(crate) const SERVER_IN_FLIGHT: usize = 1_024;
/// When those who are turned away may come again.
pub(crate) const SERVER_RETRY_AFTER: Duration = Duration::from_secs(1);

/// How long the chassis's own requests to a module may take, whatever their deadline says.
const OTHERS_TIMEOUT: Duration = Duration::from_secs(60);
/// How long an average of times or failures remembers: what was slow is tried again after some of these.
pub(crate) const MEMORY: Duration = Duration::from_secs(1);
/// What a refusal may take that costs next to nothing: so long, an address that is left alone is the last resort of a call
/// that has no other.
pub(crate) const AT_ONCE: Duration = Duration::from_millis(50);
/// How often a name is looked up again.
pub(crate) const LOOK_UP_EVERY: Duration = Duration::from_secs(5);
