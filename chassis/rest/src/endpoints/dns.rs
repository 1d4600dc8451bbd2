//! Resolution of the host names among a module's addresses. A name that is not resolved takes nothing from the others.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Release};
use std::sync::atomic::{AtomicBool, AtomicU64};

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use offshoot_contract::{CallFailure, FailureKind};
use tokio::sync::watch;
use tokio::time::timeout;

use super::{Endpoint, Endpoints};
use crate::address::Address;
use crate::health::nanos;
use crate::limits::{DNS_REFRESH, LOOKUP_TIMEOUT};

/// State of DNS resolution. Host names are resolved at the first call, and again in the background afterwards.
pub(super) struct DnsState {
    /// Nanoseconds; 0: never.
    resolved_at: AtomicU64,
    /// A task looks the names up. Concurrent calls share its result.
    is_refreshing: AtomicBool,
    /// Sends when a name is resolved, and the failure when the lookups have ended and no process is known.
    news: watch::Sender<Option<CallFailure>>,
    /// Whether the last lookup failed, for each address.
    is_unresolved: Vec<AtomicBool>,
    lookup: Box<Lookup>,
}

/// Resolves a host name and a port.
pub(super) type Lookup = dyn Fn(String, u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> + Send + Sync;

/// Resolves with the resolver of the operating system.
pub(super) fn system_lookup(host: String, port: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
    Box::pin(async move { Ok(tokio::net::lookup_host((host, port)).await?.collect()) })
}

impl DnsState {
    pub(super) fn new(addresses: usize, lookup: Box<Lookup>) -> Self {
        Self {
            resolved_at: AtomicU64::new(0),
            is_refreshing: AtomicBool::new(false),
            news: watch::Sender::new(None),
            is_unresolved: (0..addresses).map(|_| AtomicBool::new(false)).collect(),
            lookup,
        }
    }

    async fn look_up(&self, address: &Address) -> io::Result<Vec<SocketAddr>> {
        let lookup = (self.lookup)(address.host().to_owned(), address.port());
        match timeout(LOOKUP_TIMEOUT, lookup).await {
            Ok(Ok(sockets)) if sockets.is_empty() => Err(io::Error::other("the list of addresses is empty")),
            Ok(found) => found,
            Err(elapsed) => Err(elapsed.into()),
        }
    }

    /// Begins to look all names up in a task of its own, unless that was done lately or another task does.
    fn refresh_if_stale(&self, endpoints: &Arc<Endpoints>) {
        let resolved_at = self.resolved_at.load(Acquire);
        let is_fresh = resolved_at != 0 && endpoints.now().saturating_sub(resolved_at) <= nanos(DNS_REFRESH);
        if is_fresh || self.is_refreshing.swap(true, AcqRel) {
            return;
        }
        let endpoints = Arc::clone(endpoints);
        tokio::spawn(async move {
            let Some(dns) = &endpoints.dns else { return };
            let failure = endpoints.resolve_names(dns).await.err();
            if failure.is_none() {
                dns.resolved_at.store(endpoints.now().max(1), Release);
            }
            // Before the news: a call that misses the news begins the next lookup.
            dns.is_refreshing.store(false, Release);
            dns.news.send_replace(failure);
        });
    }
}

/// The IP address of an address without host name.
pub(super) fn ip_address(address: &Address) -> Option<IpAddr> {
    address.host().parse().ok()
}

impl Endpoints {
    /// The known processes. Waits until one host name is resolved if none is known; later resolutions run in the
    /// background.
    pub(crate) async fn resolve(self: &Arc<Self>) -> Result<Arc<Vec<Arc<Endpoint>>>, CallFailure> {
        self.resolve_until(|known, _| !known.is_empty()).await
    }

    /// Like `resolve`, but waits until every host name was looked up once.
    pub(crate) async fn resolve_all(self: &Arc<Self>) -> Result<Arc<Vec<Arc<Endpoint>>>, CallFailure> {
        self.resolve_until(|known, is_complete| !known.is_empty() && is_complete)
            .await
    }

    async fn resolve_until(
        self: &Arc<Self>,
        is_enough: impl Fn(&[Arc<Endpoint>], bool) -> bool,
    ) -> Result<Arc<Vec<Arc<Endpoint>>>, CallFailure> {
        let Some(dns) = &self.dns else {
            return Ok(self.current.load_full());
        };
        // Subscribed before the state is read, so that no news is missed.
        let mut news = dns.news.subscribe();
        dns.refresh_if_stale(self);
        loop {
            let known = self.current.load_full();
            if is_enough(&known, dns.resolved_at.load(Acquire) != 0) {
                return Ok(known);
            }
            // The sender lives as long as `self`.
            let _ = news.changed().await;
            if let Some(failure) = &*news.borrow_and_update() {
                return Err(failure.clone());
            }
        }
    }

    /// Looks up all host names at once, and stores the processes of a name as soon as the name is resolved. Addresses
    /// that remain keep their health. A name without address keeps its earlier processes, and is looked up again with
    /// the others. Fails if no process is known then.
    async fn resolve_names(&self, dns: &DnsState) -> Result<(), CallFailure> {
        let lookup = |(index, address)| async move { (index, dns.look_up(address).await) };
        let names = self.addresses.iter().enumerate();
        let names = names.filter(|(_, address)| ip_address(address).is_none());
        let mut lookups: FuturesUnordered<_> = names.map(lookup).collect();
        let mut failure = None;
        while let Some((index, found)) = lookups.next().await {
            let was_unresolved = dns.is_unresolved[index].swap(found.is_err(), AcqRel);
            match found {
                Ok(sockets) => {
                    self.store_processes(index, &sockets);
                    dns.news.send_replace(None);
                }
                Err(error) => {
                    let host = self.addresses[index].host();
                    let why = format!("{} cannot be reached: {host} has no address: {error}", self.module);
                    if !was_unresolved {
                        tracing::warn!(
                            module = self.module,
                            host,
                            %error,
                            "host name not resolved; looking it up again every {} s",
                            DNS_REFRESH.as_secs()
                        );
                    }
                    failure = Some(CallFailure::not_executed(FailureKind::Unavailable, why));
                }
            }
        }
        match failure {
            Some(failure) if self.current.load().is_empty() => Err(failure),
            _ => Ok(()),
        }
    }

    /// Replaces the processes of one address by those at `sockets`.
    fn store_processes(&self, index: usize, sockets: &[SocketAddr]) {
        let before = self.current.load_full();
        let mut found: Vec<Arc<Endpoint>> = Vec::new();
        for (other, address) in self.addresses.iter().enumerate() {
            let of_address: Vec<_> = match other == index {
                true => sockets
                    .iter()
                    .map(|socket| {
                        let new = self.endpoint(other, address, *socket);
                        let known = before
                            .iter()
                            .find(|known| known.address == other && known.url == new.url);
                        known.map_or(new, Arc::clone)
                    })
                    .collect(),
                false => before.iter().filter(|known| known.address == other).cloned().collect(),
            };
            for endpoint in of_address {
                if found.iter().all(|known| known.url != endpoint.url) {
                    found.push(endpoint);
                }
            }
        }
        self.current.store(Arc::new(found));
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::sync::{Mutex, Once};

    use tracing::field::{Field, Visit};
    use tracing::span;

    use super::*;
    use crate::limits::ClientLimits;

    /// A resolver that knows a changing list of names.
    #[derive(Clone, Default)]
    struct Names(Arc<Mutex<Vec<(&'static str, SocketAddr)>>>);

    impl Names {
        fn set(&self, names: &[(&'static str, &str)]) {
            let names = names.iter().map(|(name, socket)| (*name, socket.parse().unwrap()));
            *self.0.lock().unwrap() = names.collect();
        }

        /// `hanging` is never resolved.
        fn lookup(&self) -> Box<Lookup> {
            let names = self.clone();
            Box::new(move |host, _| {
                let names = names.0.lock().unwrap();
                let found = names.iter().filter(|(name, _)| *name == host);
                let found: Vec<_> = found.map(|(_, socket)| *socket).collect();
                Box::pin(async move {
                    match host.as_str() {
                        "hanging" => std::future::pending().await,
                        _ if found.is_empty() => Err(io::Error::other("unknown")),
                        _ => Ok(found),
                    }
                })
            })
        }

        fn endpoints(&self, addresses: &[&str]) -> Arc<Endpoints> {
            let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
            let path = "/modules/notes/v1".to_owned();
            Endpoints::with_lookup("notes", path, addresses, None, ClientLimits::default(), self.lookup())
        }
    }

    fn urls(endpoints: &Endpoints) -> Vec<String> {
        let all = endpoints.current.load_full();
        all.iter().map(|endpoint| endpoint.url.clone()).collect()
    }

    async fn resolve_names(endpoints: &Endpoints) -> Result<(), CallFailure> {
        endpoints.resolve_names(endpoints.dns.as_ref().unwrap()).await
    }

    thread_local! {
        /// Warnings about a host that the test of this thread has seen.
        static WARNINGS: Cell<u32> = const { Cell::new(0) };
    }

    /// Counts warnings about a host, for the whole process: with a log of one thread, another thread that warns first could
    /// switch the warning off for all.
    struct Warnings;

    impl Warnings {
        fn count_from_now() {
            static INSTALLED: Once = Once::new();
            INSTALLED.call_once(|| {
                tracing::subscriber::set_global_default(Self).unwrap();
                tracing::callsite::rebuild_interest_cache();
            });
            WARNINGS.set(0);
        }
    }

    impl tracing::Subscriber for Warnings {
        fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
            true
        }

        fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
            span::Id::from_u64(1)
        }

        fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
        fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

        fn event(&self, event: &tracing::Event<'_>) {
            struct Hosts;
            impl Visit for Hosts {
                fn record_debug(&mut self, field: &Field, _: &dyn std::fmt::Debug) {
                    if field.name() == "host" {
                        WARNINGS.set(WARNINGS.get() + 1);
                    }
                }
            }
            event.record(&mut Hosts);
        }

        fn enter(&self, _: &span::Id) {}
        fn exit(&self, _: &span::Id) {}
    }

    #[tokio::test]
    async fn a_name_without_address_takes_nothing_from_the_others_and_is_looked_up_again() {
        Warnings::count_from_now();
        let names = Names::default();
        let endpoints = names.endpoints(&["http://one:1", "http://10.0.0.7:1", "http://two:1"]);
        assert_eq!(urls(&endpoints), ["http://10.0.0.7:1"]);
        names.set(&[("two", "10.0.0.2:1")]);
        for _ in 0..3 {
            resolve_names(&endpoints).await.unwrap();
            assert_eq!(urls(&endpoints), ["http://10.0.0.7:1", "http://10.0.0.2:1"]);
        }
        assert_eq!(WARNINGS.get(), 1, "logged once");
        let two = Arc::clone(&endpoints.current.load()[1]);
        names.set(&[("one", "10.0.0.1:1")]);
        resolve_names(&endpoints).await.unwrap();
        assert_eq!(
            urls(&endpoints),
            ["http://10.0.0.1:1", "http://10.0.0.7:1", "http://10.0.0.2:1"]
        );
        assert!(
            Arc::ptr_eq(&two, &endpoints.current.load()[2]),
            "the process keeps its health"
        );
        assert_eq!(WARNINGS.get(), 2, "the other name is logged");
    }

    #[tokio::test]
    async fn a_lookup_that_hangs_delays_no_call() {
        let names = Names::default();
        names.set(&[("one", "10.0.0.1:1")]);
        for addresses in [
            ["http://hanging:1", "http://one:1"],
            ["http://hanging:1", "http://10.0.0.1:1"],
        ] {
            let endpoints = names.endpoints(&addresses);
            assert_eq!(endpoints.resolve().await.unwrap()[0].url, "http://10.0.0.1:1");
        }
    }

    #[tokio::test]
    async fn names_without_any_address_fail_the_call_and_not_the_next() {
        let names = Names::default();
        let endpoints = names.endpoints(&["http://one:1", "http://two:1"]);
        for _ in 0..2 {
            let failure = endpoints.resolve().await.err().unwrap();
            assert_eq!(
                (failure.kind(), failure.may_have_executed()),
                (&FailureKind::Unavailable, false)
            );
        }
        names.set(&[("two", "10.0.0.2:1"), ("one", "10.0.0.1:1")]);
        assert_eq!(endpoints.resolve_all().await.unwrap().len(), 2);
    }

    #[test]
    fn the_name_in_the_certificate_is_found_by_the_whole_socket_address() {
        let endpoints = Names::default().endpoints(&["https://11.0.0.7:1", "https://1.0.0.7:1", "http://2.0.0.7:1"]);
        assert_eq!(endpoints.certificate_host("1.0.0.7:1").as_deref(), Some("1.0.0.7"));
        assert_eq!(endpoints.certificate_host("11.0.0.7:1").as_deref(), Some("11.0.0.7"));
        assert_eq!(endpoints.certificate_host("2.0.0.7:1"), None, "not encrypted");
        assert_eq!(endpoints.certificate_host("0.0.0.7:1"), None);
    }
}
