//! Load balancer over the processes that serve one module. Knows no contract.
//!
//! Skips ejected addresses, prefers the own zone while it costs no multiple of the others, and takes the cheaper of two random
//! candidates: power of two choices by latency EWMA x in-flight calls.

// Resolution of host names.
mod dns;

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use http::HeaderValue;
use offshoot_contract::{CallFailure, FailureKind, Occupancy};
use tokio::sync::{Notify, Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};

use crate::address::Address;
use crate::health::{CircuitState, Health, nanos};
use crate::limits::{ClientLimits, FAST_REFUSAL, ZONE_ADVANTAGE};

use self::dns::{DnsState, Lookup, ip_address, system_lookup};

/// One process at one socket address.
pub(crate) struct Endpoint {
    /// `http://10.0.0.7:7101`.
    pub(crate) url: String,
    /// Index of the address that led to the process.
    address: usize,
    /// Host as configured: the name in the process's certificate.
    host: String,
    /// `Host` header of requests: host and port as configured.
    pub(crate) host_header: HeaderValue,
    /// URL below which the contract's paths begin.
    pub(crate) root: String,
    pub(crate) health: Health,
    /// Wakes the calls in flight when the process is ejected for silence.
    ejected: Notify,
    is_in_own_zone: bool,
}

impl Endpoint {
    /// Waits until the process is ejected because it answers nothing.
    pub(crate) async fn ejected_for_silence(&self) {
        let mut ejected = pin!(self.ejected.notified());
        // Registered before the look, so that no ejection is missed in between.
        ejected.as_mut().enable();
        if !self.health.is_silent() {
            ejected.await;
        }
    }
}

/// Load and circuit breaker state of one process that serves the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointState {
    /// Scheme, host and port.
    pub url: String,
    /// Calls sent to the process since this client was created.
    pub calls: u64,
    /// Calls in flight.
    pub in_flight: u32,
    /// The circuit breaker has ejected the process because too many calls failed.
    pub ejected: bool,
    /// State of the circuit: `closed`, `open`, or `half-open` when the next call probes the process.
    pub circuit: &'static str,
}

/// All processes of one module.
pub(crate) struct Endpoints {
    module: &'static str,
    /// Path of the contract below an address.
    path: String,
    addresses: Vec<Address>,
    zone: Option<String>,
    limits: ClientLimits,
    current: ArcSwap<Vec<Arc<Endpoint>>>,
    permits: Semaphore,
    /// Calls that wait for a permit.
    waiting: Occupancy,
    /// Origin of all times in nanoseconds.
    started_at: Instant,
    dns: Option<DnsState>,
    /// Checks the identity of a silent endpoint in the background. Set once by the client.
    check_silent: OnceLock<Box<CheckSilent>>,
}

pub(crate) type CheckSilent = dyn Fn(Arc<Endpoint>) + Send + Sync;

impl Endpoints {
    pub(crate) fn new(
        module: &'static str,
        path: String,
        addresses: Vec<Address>,
        zone: Option<String>,
        limits: ClientLimits,
    ) -> Arc<Self> {
        Self::with_lookup(module, path, addresses, zone, limits, Box::new(system_lookup))
    }

    fn with_lookup(
        module: &'static str,
        path: String,
        addresses: Vec<Address>,
        zone: Option<String>,
        limits: ClientLimits,
        lookup: Box<Lookup>,
    ) -> Arc<Self> {
        let endpoints = Self {
            permits: Semaphore::new(limits.in_flight),
            waiting: Occupancy::default(),
            current: ArcSwap::default(),
            started_at: Instant::now(),
            dns: None,
            check_silent: OnceLock::new(),
            module,
            path,
            addresses,
            zone,
            limits,
        };
        let fixed: Vec<_> = endpoints
            .addresses
            .iter()
            .enumerate()
            .filter_map(|(index, address)| {
                let socket = SocketAddr::new(ip_address(address)?, address.port());
                Some(endpoints.endpoint(index, address, socket))
            })
            .collect();
        let has_names = fixed.len() < endpoints.addresses.len();
        endpoints.current.store(Arc::new(fixed));
        Arc::new(Self {
            dns: has_names.then(|| DnsState::new(endpoints.addresses.len(), lookup)),
            ..endpoints
        })
    }

    /// A process of the address with this index.
    fn endpoint(&self, index: usize, address: &Address, socket: SocketAddr) -> Arc<Endpoint> {
        let url = format!("{}://{socket}", address.url.scheme());
        Arc::new(Endpoint {
            address: index,
            host: address.host().to_owned(),
            // A host is letters, digits and punctuation, always a valid header value.
            host_header: HeaderValue::try_from(address.url.authority())
                .unwrap_or_else(|_| HeaderValue::from_static("")),
            root: format!("{url}{}", self.path),
            url,
            health: Health::default(),
            ejected: Notify::new(),
            is_in_own_zone: self.zone.is_some() && self.zone == address.zone,
        })
    }

    pub(crate) fn set_check_of_silent(&self, check: Box<CheckSilent>) {
        // Only the first one counts; there is one client.
        let _ = self.check_silent.set(check);
    }

    pub(crate) fn now(&self) -> u64 {
        nanos(self.started_at.elapsed())
    }

    /// Waits for one of the module's permits: the limit on its calls in flight.
    pub(crate) async fn acquire_module_permit(&self, deadline: Instant) -> Result<SemaphorePermit<'_>, CallFailure> {
        self.acquire_permit(&self.permits, deadline).await
    }

    /// Waits for a permit, at most `queue_wait`. Fails with `Overloaded`, not executed.
    pub(crate) async fn acquire_permit<'a>(
        &self,
        permits: &'a Semaphore,
        deadline: Instant,
    ) -> Result<SemaphorePermit<'a>, CallFailure> {
        if let Ok(permit) = permits.try_acquire() {
            return Ok(permit);
        }
        let until = (Instant::now() + self.limits.queue_wait).min(deadline);
        let _waiting = self.waiting.enter();
        match timeout_at(until, permits.acquire()).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => {
                let why = format!("the limit on calls in flight to {} is reached", self.module);
                let retry_after = self.limits.queue_wait;
                Err(CallFailure::not_executed(FailureKind::Overloaded { retry_after }, why))
            }
        }
    }

    /// Number of calls that wait for a permit.
    pub(crate) fn waiting(&self) -> u32 {
        self.waiting.count()
    }

    /// The processes that are known now.
    pub(crate) fn known(&self) -> Arc<Vec<Arc<Endpoint>>> {
        self.current.load_full()
    }

    /// The processes, if no address needs DNS. Spares most calls the future of `resolve`.
    pub(crate) fn fixed(&self) -> Option<Arc<Vec<Arc<Endpoint>>>> {
        self.dns.is_none().then(|| self.current.load_full())
    }

    /// Selects the process for the next attempt, none of `excluded`. Fails with `Unavailable`, not executed.
    pub(crate) fn select(&self, all: &[Arc<Endpoint>], excluded: &[Arc<Endpoint>]) -> Result<Selected, CallFailure> {
        let now = self.now();
        let is_allowed = |endpoint: &&Arc<Endpoint>| !excluded.iter().any(|other| Arc::ptr_eq(other, endpoint));
        let mut own_zone = TwoChoices::default();
        let mut other_zones = TwoChoices::default();
        let mut last_resort = TwoChoices::default();
        let mut soonest_probe = u64::MAX;
        for endpoint in all.iter().filter(is_allowed) {
            if endpoint.health.begin_check_of_silence(now) {
                self.check_silent(endpoint);
            }
            match endpoint.health.circuit_state(now) {
                // A call would probably hang too.
                CircuitState::HalfOpen if endpoint.health.is_silent() => {
                    soonest_probe = now;
                    if endpoint.health.acquire_probe(now, &self.limits) {
                        self.check_silent(endpoint);
                    }
                }
                CircuitState::HalfOpen if endpoint.health.acquire_probe(now, &self.limits) => {
                    let endpoint = Arc::clone(endpoint);
                    let reason = Reason::Probe;
                    return Ok(Selected { endpoint, reason });
                }
                CircuitState::Closed if endpoint.is_in_own_zone => own_zone.offer(endpoint),
                CircuitState::Closed => other_zones.offer(endpoint),
                state => {
                    if let CircuitState::Open(until) = state {
                        soonest_probe = soonest_probe.min(until);
                    } else {
                        soonest_probe = now;
                    }
                    if endpoint.health.is_last_resort() {
                        last_resort.offer(endpoint);
                    }
                }
            }
        }
        let healthy = match (own_zone.cheapest(now), other_zones.cheapest(now)) {
            (Some(near), Some(far)) => {
                let advantage = far.health.expected_cost(now) * f64::from(ZONE_ADVANTAGE);
                let is_near_better = near.health.expected_cost(now) <= advantage + nanos(FAST_REFUSAL) as f64;
                Some(if is_near_better { near } else { far })
            }
            (near, far) => near.or(far),
        };
        let healthy = healthy.map(|endpoint| (endpoint, Reason::Healthy));
        // A process that was restarted meanwhile answers the first call without alternative, before the ejection ends.
        let selected = healthy.or_else(|| last_resort.cheapest(now).map(|endpoint| (endpoint, Reason::LastResort)));
        let selected = selected.map(|(endpoint, reason)| Selected {
            endpoint: Arc::clone(endpoint),
            reason,
        });
        selected.ok_or_else(|| {
            let wait = Duration::from_nanos(soonest_probe.saturating_sub(now));
            let why = format!(
                "{}: every address is ejected after failed calls; next probe in {} ms",
                self.describe(),
                wait.as_millis().min(self.limits.longest_pause.as_millis())
            );
            CallFailure::not_executed(FailureKind::Unavailable, why)
        })
    }

    fn check_silent(&self, endpoint: &Arc<Endpoint>) {
        if let Some(check) = self.check_silent.get() {
            check(Arc::clone(endpoint));
        }
    }

    /// Ejects an endpoint that has not answered the check of its silence, if there are others.
    pub(crate) fn eject_silent(&self, endpoint: &Endpoint) {
        let now = self.now();
        if self.known().len() == 1 {
            return;
        }
        let is_new = endpoint.health.eject_silent(now, &self.limits);
        endpoint.ejected.notify_waiters();
        if is_new {
            tracing::warn!(
                module = self.module,
                url = endpoint.url,
                in_flight = endpoint.health.in_flight(),
                "endpoint ejected because no call was answered; checking its identity after a pause"
            );
        }
    }

    /// `notes at http://10.0.0.7:7101, http://10.0.0.8:7101`.
    pub(crate) fn describe(&self) -> String {
        let addresses: Vec<_> = self.addresses.iter().map(ToString::to_string).collect();
        format!("{} at {}", self.module, addresses.join(", "))
    }

    /// Host name that the certificate at this socket address has to carry.
    pub(crate) fn certificate_host(&self, authority: &str) -> Option<String> {
        let current = self.current.load();
        // The whole authority: the end of one socket address may be another.
        let is_there = |endpoint: &&Arc<Endpoint>| endpoint.url.strip_prefix("https://") == Some(authority);
        current.iter().find(is_there).map(|endpoint| endpoint.host.clone())
    }

    pub(crate) fn states(&self) -> Vec<EndpointState> {
        let state = |endpoint: &Arc<Endpoint>| {
            let circuit = endpoint.health.circuit_state(self.now());
            EndpointState {
                url: endpoint.url.clone(),
                calls: endpoint.health.calls(),
                in_flight: endpoint.health.in_flight(),
                ejected: circuit != CircuitState::Closed,
                circuit: circuit.as_str(),
            }
        };
        self.current.load().iter().map(state).collect()
    }
}

/// Power of two choices: keeps two of the offered endpoints, each with the same chance, without a list.
#[derive(Default)]
struct TwoChoices<'a> {
    offered: u32,
    kept: [Option<&'a Arc<Endpoint>>; 2],
}

impl<'a> TwoChoices<'a> {
    fn offer(&mut self, endpoint: &'a Arc<Endpoint>) {
        let slot = match self.offered {
            0 | 1 => self.offered,
            more => rand::random_range(0..=more),
        };
        if let Some(kept) = self.kept.get_mut(slot as usize) {
            *kept = Some(endpoint);
        }
        self.offered += 1;
    }

    fn cheapest(&self, now: u64) -> Option<&'a Arc<Endpoint>> {
        match self.kept {
            [Some(one), Some(other)] if other.health.expected_cost(now) < one.health.expected_cost(now) => Some(other),
            [one, _] => one,
        }
    }
}

/// The endpoint selected for an attempt.
pub(crate) struct Selected {
    pub(crate) endpoint: Arc<Endpoint>,
    reason: Reason,
}

/// Why the endpoint was selected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reason {
    Healthy,
    /// The circuit is half-open, and this call is the probe.
    Probe,
    /// All endpoints are ejected, and another fast refusal by this one costs next to nothing.
    LastResort,
}

/// An attempt in flight at one endpoint: counts toward the endpoint's load, and reports the outcome to its health.
pub(crate) struct Attempt<'a> {
    endpoints: &'a Endpoints,
    endpoint: &'a Endpoint,
    reason: Reason,
    began: u64,
    is_awaited: bool,
}

impl<'a> Attempt<'a> {
    /// `is_awaited`: an answer must come soon, unlike that of a long poll.
    pub(crate) fn begin(endpoints: &'a Endpoints, selected: &'a Selected, is_awaited: bool) -> Self {
        let began = endpoints.now();
        selected.endpoint.health.begin_call(began, is_awaited);
        Self {
            endpoints,
            endpoint: &selected.endpoint,
            reason: selected.reason,
            began,
            is_awaited,
        }
    }

    /// Records an answer, or a failure for which the endpoint is not to blame.
    pub(crate) fn record_answer(&self) {
        let now = self.record_latency();
        self.endpoint.health.record_answer(self.reason != Reason::Healthy, now);
    }

    /// Records that the endpoint refused the call for a limit. Fast refusals must not make the endpoint cheap.
    pub(crate) fn record_refusal(&self) {
        self.endpoint
            .health
            .record_answer(self.reason != Reason::Healthy, self.endpoints.now());
    }

    /// Records a failure of the process or the network. `is_unavailable`: the endpoint did not take the call, usually
    /// because no process listens. `is_defect`: the endpoint answered, and may answer other methods well.
    pub(crate) fn record_failure(&self, is_unavailable: bool, is_defect: bool) {
        let now = self.record_latency();
        let is_fast = now.saturating_sub(self.began) < nanos(FAST_REFUSAL);
        self.endpoint
            .health
            .set_last_resort(is_defect || (is_unavailable && is_fast));
        let is_probe = self.reason == Reason::Probe;
        if self
            .endpoint
            .health
            .record_failure(is_probe, now, &self.endpoints.limits)
        {
            tracing::warn!(
                module = self.endpoints.module,
                url = self.endpoint.url,
                "endpoint ejected after failed calls; probing again after a pause"
            );
        }
    }

    /// Records a timeout. The endpoint is to blame only if the attempt lasted `method_timeout`; a shorter wait was the
    /// caller's own deadline.
    pub(crate) fn record_timeout(&self, method_timeout: Duration) {
        let now = self.record_latency();
        if now.saturating_sub(self.began) >= nanos(method_timeout) {
            self.record_failure(false, false);
        }
    }

    fn record_latency(&self) -> u64 {
        let now = self.endpoints.now();
        let latency = Duration::from_nanos(now.saturating_sub(self.began));
        self.endpoint.health.record_latency(latency, now);
        now
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        self.endpoint.health.end_call(self.is_awaited);
    }
}
