//! The processes that serve one module, and which of them is called next: one that answers, in our zone, the one of two
//! where a call has to expect less. Knows no contract.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;

use arc_swap::ArcSwap;
use http::HeaderValue;
use offshoot_contract::{CallFailure, FailureKind};
use tokio::sync::{Mutex, Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};

use crate::address::Address;
use crate::health::{Door, Health, nanos};
use crate::limits::{AT_ONCE, ClientLimits, LOOK_UP_EVERY};

/// One process.
pub(crate) struct Endpoint {
    /// `http://10.0.0.7:7101`.
    pub(crate) url: String,
    /// As it was written: what its certificate is made out to.
    host: String,
    /// What requests say whom they are for, written once.
    pub(crate) host_header: HeaderValue,
    /// Where the contract's paths begin there.
    pub(crate) root: String,
    pub(crate) health: Health,
    /// It is in the zone that is preferred.
    near: bool,
}

/// What is known of one process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointState {
    /// Scheme, host and port.
    pub url: String,
    /// Calls sent there since this process started.
    pub calls: u64,
    /// Calls under way.
    pub in_flight: u32,
    /// It is left alone for a while, because too many calls failed.
    pub left_alone: bool,
}

/// All processes of one module.
pub(crate) struct Endpoints {
    module: &'static str,
    /// Of the contract, below an address.
    path: String,
    addresses: Vec<Address>,
    zone: Option<String>,
    limits: ClientLimits,
    current: ArcSwap<Vec<Arc<Endpoint>>>,
    turns: Semaphore,
    /// From when times are counted.
    born: Instant,
    names: Option<Names>,
}

/// Hosts that are names are looked up when they are first needed, and now and then afterwards.
struct Names {
    looked_up: AtomicU64,
    looking: AtomicBool,
    first: Mutex<()>,
}

impl Endpoints {
    pub(crate) fn new(
        module: &'static str,
        path: String,
        addresses: Vec<Address>,
        zone: Option<String>,
        limits: ClientLimits,
    ) -> Arc<Self> {
        let endpoints = Self {
            turns: Semaphore::new(limits.in_flight),
            current: ArcSwap::default(),
            born: Instant::now(),
            names: None,
            module,
            path,
            addresses,
            zone,
            limits,
        };
        let fixed: Vec<_> = endpoints
            .addresses
            .iter()
            .filter_map(|address| {
                let ip: IpAddr = address.host().parse().ok()?;
                Some(endpoints.endpoint(address, SocketAddr::new(ip, address.port())))
            })
            .collect();
        let has_names = fixed.len() < endpoints.addresses.len();
        endpoints.current.store(Arc::new(fixed));
        Arc::new(Self {
            names: has_names.then(|| Names {
                looked_up: AtomicU64::new(0),
                looking: AtomicBool::new(false),
                first: Mutex::new(()),
            }),
            ..endpoints
        })
    }

    fn endpoint(&self, address: &Address, socket: SocketAddr) -> Arc<Endpoint> {
        let url = format!("{}://{socket}", address.scheme());
        Arc::new(Endpoint {
            host: address.host().to_owned(),
            // A socket's address is digits and punctuation.
            host_header: HeaderValue::try_from(socket.to_string()).unwrap_or_else(|_| HeaderValue::from_static("")),
            root: format!("{url}{}", self.path),
            url,
            health: Health::default(),
            near: self.zone.is_some() && self.zone == address.zone,
        })
    }

    pub(crate) fn now(&self) -> u64 {
        nanos(self.born.elapsed())
    }

    /// Waits for a turn among all calls of the module.
    pub(crate) async fn turn_of_all(&self, deadline: Instant) -> Result<SemaphorePermit<'_>, CallFailure> {
        self.turn(&self.turns, deadline).await
    }

    /// Waits for a turn, not for long.
    pub(crate) async fn turn<'a>(
        &self,
        turns: &'a Semaphore,
        deadline: Instant,
    ) -> Result<SemaphorePermit<'a>, CallFailure> {
        if let Ok(permit) = turns.try_acquire() {
            return Ok(permit);
        }
        let until = (Instant::now() + self.limits.queue_wait).min(deadline);
        match timeout_at(until, turns.acquire()).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => {
                let why = format!("as many calls to {} are under way as may be", self.module);
                let retry_after = self.limits.queue_wait;
                Err(CallFailure::not_executed(FailureKind::Overloaded { retry_after }, why))
            }
        }
    }

    /// The processes, where none has to be looked up.
    pub(crate) fn fixed(&self) -> Option<Arc<Vec<Arc<Endpoint>>>> {
        self.names.is_none().then(|| self.current.load_full())
    }

    /// The processes that there are now.
    pub(crate) async fn all(self: &Arc<Self>) -> Result<Arc<Vec<Arc<Endpoint>>>, CallFailure> {
        if let Some(names) = &self.names {
            let now = self.now();
            let age = now.saturating_sub(names.looked_up.load(Acquire));
            let stale = age > nanos(LOOK_UP_EVERY);
            if names.looked_up.load(Acquire) == 0 {
                let _first = names.first.lock().await;
                if names.looked_up.load(Acquire) == 0 {
                    self.look_up(names).await?;
                }
            } else if stale && !names.looking.swap(true, Acquire) {
                let endpoints = Arc::clone(self);
                tokio::spawn(async move {
                    let Some(names) = &endpoints.names else { return };
                    if let Err(failure) = endpoints.look_up(names).await {
                        tracing::warn!(module = endpoints.module, %failure, "the addresses known before are kept");
                        names.looked_up.store(endpoints.now(), Release);
                    }
                    names.looking.store(false, Release);
                });
            }
        }
        Ok(self.current.load_full())
    }

    /// Looks all names up, and keeps what is known of those that are still there.
    async fn look_up(&self, names: &Names) -> Result<(), CallFailure> {
        let before = self.current.load_full();
        let mut found: Vec<Arc<Endpoint>> = Vec::new();
        for address in &self.addresses {
            let host = address.host();
            let sockets = tokio::net::lookup_host((host, address.port())).await.map_err(|error| {
                let why = format!("{} cannot be reached: {host} has no address: {error}", self.module);
                CallFailure::not_executed(FailureKind::Unavailable, why)
            })?;
            for socket in sockets {
                let new = self.endpoint(address, socket);
                let known = before.iter().find(|endpoint| endpoint.url == new.url);
                if found.iter().all(|endpoint| endpoint.url != new.url) {
                    found.push(known.map_or(new, Arc::clone));
                }
            }
        }
        self.current.store(Arc::new(found));
        names.looked_up.store(self.now().max(1), Release);
        Ok(())
    }

    /// The one to call, none of those that were tried before.
    pub(crate) fn pick(&self, all: &[Arc<Endpoint>], tried: &[Arc<Endpoint>]) -> Result<Picked, CallFailure> {
        let now = self.now();
        let fresh = |endpoint: &&Arc<Endpoint>| !tried.iter().any(|tried| Arc::ptr_eq(tried, endpoint));
        let mut candidates = (Choice::default(), Choice::default());
        let mut last_resort = Choice::default();
        let mut soonest = u64::MAX;
        for endpoint in all.iter().filter(fresh) {
            match endpoint.health.door(now) {
                Door::Ajar if endpoint.health.may_try(now, &self.limits) => {
                    let endpoint = Arc::clone(endpoint);
                    let why = Why::Tries;
                    return Ok(Picked { endpoint, why });
                }
                Door::Open if endpoint.near => candidates.0.offer(endpoint),
                Door::Open => candidates.1.offer(endpoint),
                door => {
                    if let Door::Shut(until) = door {
                        soonest = soonest.min(until);
                    } else {
                        soonest = now;
                    }
                    if endpoint.health.refuses() {
                        last_resort.offer(endpoint);
                    }
                }
            }
        }
        let best = candidates.0.best(now).or_else(|| candidates.1.best(now));
        let best = best.map(|endpoint| (endpoint, Why::Fit));
        // One that was restarted meanwhile is found by the first call that has no other, and not after a pause.
        let best = best.or_else(|| last_resort.best(now).map(|endpoint| (endpoint, Why::LastResort)));
        let picked = best.map(|(endpoint, why)| Picked {
            endpoint: Arc::clone(endpoint),
            why,
        });
        picked.ok_or_else(|| {
            let wait = Duration::from_nanos(soonest.saturating_sub(now));
            let why = format!(
                "{} does not answer: it is asked again in {} ms",
                self.shown(),
                wait.as_millis().min(self.limits.longest_pause.as_millis())
            );
            CallFailure::not_executed(FailureKind::Unavailable, why)
        })
    }

    /// `notes at http://10.0.0.7:7101, http://10.0.0.8:7101`.
    pub(crate) fn shown(&self) -> String {
        let addresses: Vec<_> = self.addresses.iter().map(ToString::to_string).collect();
        format!("{} at {}", self.module, addresses.join(", "))
    }

    /// The name that the certificate of the process at this address has to be made out to.
    pub(crate) fn host_at(&self, authority: &str) -> Option<String> {
        let current = self.current.load();
        let at = |endpoint: &&Arc<Endpoint>| endpoint.url.ends_with(authority);
        current.iter().find(at).map(|endpoint| endpoint.host.clone())
    }

    pub(crate) fn states(&self) -> Vec<EndpointState> {
        let state = |endpoint: &Arc<Endpoint>| EndpointState {
            url: endpoint.url.clone(),
            calls: endpoint.health.calls(),
            in_flight: endpoint.health.in_flight(),
            left_alone: endpoint.health.door(self.now()) != Door::Open,
        };
        self.current.load().iter().map(state).collect()
    }
}

/// Two of those that are offered, each with the same chance, without a list of them.
#[derive(Default)]
struct Choice<'a> {
    offered: u32,
    kept: [Option<&'a Arc<Endpoint>>; 2],
}

impl<'a> Choice<'a> {
    fn offer(&mut self, endpoint: &'a Arc<Endpoint>) {
        let place = match self.offered {
            0 | 1 => self.offered,
            more => rand::random_range(0..=more),
        };
        if let Some(kept) = self.kept.get_mut(place as usize) {
            *kept = Some(endpoint);
        }
        self.offered += 1;
    }

    fn best(&self, now: u64) -> Option<&'a Arc<Endpoint>> {
        match self.kept {
            [Some(one), Some(other)] if other.health.cost(now) < one.health.cost(now) => Some(other),
            [one, _] => one,
        }
    }
}

/// Who is to be called.
pub(crate) struct Picked {
    pub(crate) endpoint: Arc<Endpoint>,
    why: Why,
}

/// Why it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    /// It does well.
    Fit,
    /// It was left alone for long enough, and this call tries whether it answers again.
    Tries,
    /// It is left alone, and so are all others; to be refused again costs next to nothing.
    LastResort,
}

/// A call under way at one process: it is counted, and what came of it is remembered.
pub(crate) struct Attempt<'a> {
    endpoints: &'a Endpoints,
    endpoint: &'a Endpoint,
    why: Why,
    began: u64,
}

impl<'a> Attempt<'a> {
    pub(crate) fn begin(endpoints: &'a Endpoints, picked: &'a Picked) -> Self {
        picked.endpoint.health.begin();
        let began = endpoints.now();
        Self {
            endpoints,
            endpoint: &picked.endpoint,
            why: picked.why,
            began,
        }
    }

    /// It gave an answer, or a failure that is the caller's or somebody else's.
    pub(crate) fn answered(&self) {
        self.measure();
        self.endpoint.health.answered(self.why != Why::Fit);
    }

    /// The process, or the way to it, is broken. `nobody_there`: it did not even take the call.
    pub(crate) fn failed(&self, nobody_there: bool) {
        let now = self.measure();
        let at_once = now.saturating_sub(self.began) < nanos(AT_ONCE);
        self.endpoint.health.set_refuses(nobody_there && at_once);
        let tries = self.why == Why::Tries;
        if self.endpoint.health.failed(tries, now, &self.endpoints.limits) {
            tracing::warn!(
                module = self.endpoints.module,
                url = self.endpoint.url,
                "left alone for a while: its calls fail"
            );
        }
    }

    /// It took longer than its caller waited. That is its failure if the caller waited as long as the method may take.
    pub(crate) fn ran_out_of_time(&self, patience: Duration) {
        let now = self.measure();
        if now.saturating_sub(self.began) >= nanos(patience) {
            self.failed(false);
        }
    }

    fn measure(&self) -> u64 {
        let now = self.endpoints.now();
        let took = Duration::from_nanos(now.saturating_sub(self.began));
        self.endpoint.health.took(took, now);
        now
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        self.endpoint.health.end();
    }
}
