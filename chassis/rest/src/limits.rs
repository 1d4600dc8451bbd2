//! Limits on remote calls, of clients and servers. `docs/LIMITS.md` lists them with the other bounds of the project.
//!
//! Not here: the switch decides about repeats by the method's class, and the contract sets each method's timeout.

use std::collections::BTreeMap;
use std::time::Duration;

use offshoot_contract::{Contract, MethodSpec, method_specs};
use tokio::sync::Semaphore;

/// Limits of a client of one module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientLimits {
    /// Calls in flight to all addresses together. Keeps a slow module from exhausting the caller's memory and
    /// connections.
    pub in_flight: usize,
    /// How long a call waits for a permit at the limit; then the call fails with `Overloaded`, not executed.
    pub queue_wait: Duration,
    /// Failures in a row that eject an address. A failure rate of one half ejects too, after more calls.
    pub failures: u32,
    /// First ejection time. Afterwards one probe is let through; each failed probe doubles the ejection time.
    pub pause: Duration,
    /// Longest ejection time.
    pub longest_pause: Duration,
    /// Timeout of one attempt. Only shortens the method's timeout in the contract.
    pub timeout: Option<Duration>,
    /// Further limits of single methods, by method name.
    pub methods: BTreeMap<String, MethodLimits>,
}

/// Limits of a client for one method.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MethodLimits {
    /// Calls of the method in flight; none: only the module's limit holds.
    pub in_flight: Option<usize>,
    /// Timeout of one attempt; none: the module's timeout.
    pub timeout: Option<Duration>,
}

/// The limits name a method that is not in the contract.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{method}` is not a method of {module}: the methods are {known}")]
pub struct UnknownMethod {
    /// Name of the contract.
    pub module: &'static str,
    /// The unknown method name.
    pub method: String,
    /// The contract's method names, separated by commas.
    pub known: String,
}

/// Effective limits of one method.
#[derive(Debug)]
pub(crate) struct MethodBounds {
    pub(crate) timeout: Duration,
    pub(crate) permits: Option<Semaphore>,
    /// An answer must come soon, unlike that of a long poll.
    pub(crate) is_awaited: bool,
}

impl MethodBounds {
    /// Bounds of chassis methods, which are not in the contract's trait.
    pub(crate) fn for_chassis_methods() -> Self {
        Self {
            timeout: CHASSIS_TIMEOUT,
            permits: None,
            is_awaited: false,
        }
    }
}

impl ClientLimits {
    /// Checks that every method name is in the contract.
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

    /// These limits for calls that another executor takes over if no answer comes: shorter timeouts, so that the caller does
    /// not wait twice, and so that the circuit breaker counts stalls.
    #[must_use]
    pub fn with_standby<A: Contract + ?Sized>(mut self) -> Self {
        for spec in method_specs::<A>() {
            let method = self.methods.entry(spec.name.to_owned()).or_default();
            let bound = if spec.class.has_effect() {
                spec.timeout / 2
            } else {
                SAFE_TIMEOUT_WITH_STANDBY.min(spec.timeout)
            };
            let configured = method.timeout.or(self.timeout);
            method.timeout = Some(configured.map_or(bound, |timeout| timeout.min(bound)));
        }
        self
    }

    /// These limits for calls that are repeated for a comparison: few at once, and none waits for a permit.
    #[must_use]
    pub fn for_mirror(self) -> Self {
        Self {
            in_flight: MIRRORED_IN_FLIGHT,
            queue_wait: Duration::ZERO,
            ..self
        }
    }

    /// The bounds of all methods, in the order of the trait.
    pub(crate) fn bounds<A: Contract + ?Sized>(&self) -> Vec<MethodBounds> {
        let bounds = |spec: &&MethodSpec| {
            let own = self.methods.get(spec.name).cloned().unwrap_or_default();
            let timeout = own.timeout.or(self.timeout);
            MethodBounds {
                timeout: timeout.map_or(spec.timeout, |timeout| timeout.min(spec.timeout)),
                permits: own.in_flight.map(Semaphore::new),
                is_awaited: true,
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

/// Timeout of a safe call that another executor takes over if no answer comes.
pub(crate) const SAFE_TIMEOUT_WITH_STANDBY: Duration = Duration::from_millis(500);
/// Calls in flight that are repeated for a comparison.
pub(crate) const MIRRORED_IN_FLIGHT: usize = 8;

/// Default limit on calls in flight of one served version. Further calls are refused.
pub(crate) const SERVER_IN_FLIGHT: usize = 1_024;
/// Time limit of a request's body, even under a later deadline.
pub(crate) const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// `Retry-After` of refused calls.
pub(crate) const SERVER_RETRY_AFTER: Duration = Duration::from_secs(1);

/// Timeout of chassis methods, even under a later deadline.
const CHASSIS_TIMEOUT: Duration = Duration::from_secs(60);
/// Time constant of the latency EWMA: a slow address is called again after a few of these.
pub(crate) const EWMA_TIME_CONSTANT: Duration = Duration::from_secs(1);
/// Longest duration of a fast refusal. An ejected address that refuses fast serves as last resort, since another
/// refusal costs next to nothing.
pub(crate) const FAST_REFUSAL: Duration = Duration::from_millis(50);
/// Time without any answer to the calls in flight after which an address is checked, if there are others.
pub(crate) const MAX_SILENCE: Duration = Duration::from_millis(1_500);
/// Timeout of the identity check of a silent address.
pub(crate) const SILENT_CHECK_TIMEOUT: Duration = Duration::from_secs(1);
/// Timeout of the identity check before the first call to a store that is not known.
pub(crate) const FIRST_CHECK_TIMEOUT: Duration = Duration::from_secs(2);
/// Calls leave the own zone when the best address there costs this many times the best one elsewhere.
pub(crate) const ZONE_ADVANTAGE: u32 = 10;
/// Interval between DNS resolutions.
pub(crate) const DNS_REFRESH: Duration = Duration::from_secs(5);

/// Timeout of one lookup of a host name. The other names of a module do not wait for it.
pub(crate) const LOOKUP_TIMEOUT: Duration = Duration::from_secs(10);

// Connections of a client.
/// Timeout of connecting, a hundred times the usual duration within a data centre.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Lifetime of an idle connection: shorter than the server's keep-alive, so that the client closes first.
pub(crate) const IDLE_TIMEOUT: Duration = Duration::from_secs(20);
/// Limit on idle connections per address.
pub(crate) const MAX_IDLE_CONNECTIONS: usize = 64;

// Tokens and keys.
/// Lifetime of a service token: the damage of a leaked one ends soon.
pub(crate) const TOKEN_LIFETIME: Duration = Duration::from_secs(5 * 60);
/// Shortest time between two replacements of a token that a server refuses.
pub(crate) const REPLACEMENT_PAUSE: Duration = Duration::from_secs(1);
/// Tolerated difference between the clocks of two machines.
pub(crate) const MAX_CLOCK_SKEW: Duration = Duration::from_secs(60);
/// Limit on verified service tokens that a server caches. An evicted token is verified again.
pub(crate) const MAX_VERIFIED_TOKENS: usize = 64;
/// Limit on keys in a file: the signing key, and its predecessor or successor during a rotation.
pub(crate) const MAX_KEYS: usize = 2;
/// Shortest token of an operator, bytes: too long to be guessed.
pub(crate) const MIN_OPERATOR_TOKEN_BYTES: usize = 32;
