//! Where the calls of one module may run from here, and the change from one place to another while they run.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use futures_util::future::BoxFuture;
use offshoot_contract::{CallContext, Contract, Edge, PathCounts, Placement, Switch, Target};
use offshoot_db::Db;
use offshoot_rest::{Address, Client, EndpointState, encoded};

/// How long a database may take to answer, or another process to say who it is.
const CHECK_TIMEOUT: Duration = Duration::from_millis(500);

/// A module's places, whatever its contract is.
pub trait Place: Send + Sync {
    /// Where calls run now.
    fn now(&self) -> Placement;

    /// Addresses that calls may go to.
    fn addresses(&self) -> Vec<Address>;

    /// Calls that ended, by who called what and where it ran.
    fn paths(&self) -> Vec<PathCounts>;

    /// What is known of the processes that calls go to now; none if they run here.
    fn endpoints(&self) -> Vec<EndpointState>;

    /// Whether it can be called where it is; the reason if not.
    fn check(&self) -> BoxFuture<'_, Result<(), String>>;

    /// Runs calls at another place from now on; those under way end where they are. `urls`: only at these of the
    /// addresses; none: at all of them.
    fn change(&self, to: Placement, urls: Option<Vec<Address>>) -> Result<(), NoSuchPlace>;
}

/// Why calls cannot run at a place.
#[derive(Debug, thiserror::Error)]
pub enum NoSuchPlace {
    /// No implementation is wired here.
    #[error("{0} does not run in this process: it was started without it")]
    NotHere(&'static str),
    /// No address is configured.
    #[error("no address of {0} is known here: start this process with --urls {0}=http://HOST:PORT")]
    NowhereElse(&'static str),
    /// An address that is not configured.
    #[error("{url} is no address of {module} that this process was started with: those are {known}")]
    NotListed {
        /// The module.
        module: &'static str,
        /// What was asked for.
        url: String,
        /// What is configured.
        known: String,
    },
}

/// The implementation in this process, and its data.
pub(super) struct Own<A: ?Sized> {
    pub(super) edge: Arc<Edge<A>>,
    pub(super) db: Db,
}

/// The module in other processes.
pub(super) struct Elsewhere<A: ?Sized> {
    addresses: Vec<Address>,
    client: Box<dyn Fn(Vec<Address>) -> Client<A> + Send + Sync>,
}

impl<A: ?Sized> Elsewhere<A> {
    pub(super) fn new(
        addresses: Vec<Address>,
        client: impl Fn(Vec<Address>) -> Client<A> + Send + Sync + 'static,
    ) -> Self {
        Self {
            addresses,
            client: Box::new(client),
        }
    }

    /// A client for all of its addresses.
    pub(super) fn into_client(self) -> Client<A> {
        (self.client)(self.addresses)
    }
}

/// The switch of one module and what it can be set to.
pub(super) struct Places<A: ?Sized> {
    switch: Arc<Switch<A>>,
    own: Option<Own<A>>,
    elsewhere: Option<Elsewhere<A>>,
    /// Of all addresses, made once: its connections and what it knows of them outlive a change there and back.
    all: Option<Arc<Client<A>>>,
    /// The client that calls go through now.
    current: ArcSwapOption<Client<A>>,
}

impl<A: Contract + ?Sized> Places<A> {
    /// `at` must be a place that there is.
    pub(super) fn new(at: Placement, own: Option<Own<A>>, elsewhere: Option<Elsewhere<A>>) -> Self {
        let all = elsewhere
            .as_ref()
            .map(|elsewhere| Arc::new((elsewhere.client)(elsewhere.addresses.clone())));
        let target = match (at, &own, &all) {
            (Placement::Local, Some(own), _) => Target::Local(Arc::clone(&own.edge)),
            (Placement::Encoded, Some(own), _) => Target::Encoded(encoded(Arc::clone(&own.edge))),
            (_, _, Some(client)) => Target::Remote(A::object(Arc::clone(client))),
            _ => unreachable!("settings with a remote module that has no address are refused"),
        };
        let current = ArcSwapOption::new(all.clone().filter(|_| at == Placement::Remote));
        Self {
            switch: Arc::new(Switch::new(target)),
            own,
            elsewhere,
            all,
            current,
        }
    }

    pub(super) fn switch(&self) -> &Arc<Switch<A>> {
        &self.switch
    }

    fn own(&self) -> Result<&Own<A>, NoSuchPlace> {
        self.own.as_ref().ok_or(NoSuchPlace::NotHere(A::NAME))
    }

    fn client(&self, urls: Option<Vec<Address>>) -> Result<Arc<Client<A>>, NoSuchPlace> {
        let (Some(elsewhere), Some(all)) = (&self.elsewhere, &self.all) else {
            return Err(NoSuchPlace::NowhereElse(A::NAME));
        };
        let Some(urls) = urls.filter(|urls| !urls.is_empty()) else {
            return Ok(Arc::clone(all));
        };
        match urls.iter().find(|url| !elsewhere.addresses.contains(url)) {
            Some(url) => Err(NoSuchPlace::NotListed {
                module: A::NAME,
                url: url.to_string(),
                known: shown(&elsewhere.addresses),
            }),
            None => Ok(Arc::new((elsewhere.client)(urls))),
        }
    }
}

impl<A: Contract + ?Sized> Place for Places<A> {
    fn now(&self) -> Placement {
        self.switch.placement()
    }

    fn addresses(&self) -> Vec<Address> {
        self.elsewhere
            .as_ref()
            .map_or_else(Vec::new, |elsewhere| elsewhere.addresses.clone())
    }

    fn paths(&self) -> Vec<PathCounts> {
        self.switch.stats().paths()
    }

    fn endpoints(&self) -> Vec<EndpointState> {
        self.current
            .load()
            .as_ref()
            .map_or_else(Vec::new, |client| client.endpoints())
    }

    fn check(&self) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async {
            let checked = match (self.current.load_full(), &self.own) {
                (Some(client), _) => client.identify(CHECK_TIMEOUT).await.map(drop),
                (None, Some(own)) => {
                    let mut cx = CallContext::root("health").with_timeout(CHECK_TIMEOUT);
                    own.db.ping(&mut cx).await
                }
                (None, None) => Ok(()),
            };
            checked.map_err(|failure| failure.to_string())
        })
    }

    fn change(&self, to: Placement, urls: Option<Vec<Address>>) -> Result<(), NoSuchPlace> {
        let (target, client) = match to {
            Placement::Local => (Target::Local(Arc::clone(&self.own()?.edge)), None),
            Placement::Encoded => (Target::Encoded(encoded(Arc::clone(&self.own()?.edge))), None),
            Placement::Remote => {
                let client = self.client(urls)?;
                (Target::Remote(A::object(Arc::clone(&client))), Some(client))
            }
        };
        self.current.store(client);
        self.switch.place(target);
        Ok(())
    }
}

/// Addresses as people read them.
pub(super) fn shown(addresses: &[Address]) -> String {
    let addresses: Vec<_> = addresses.iter().map(ToString::to_string).collect();
    addresses.join(", ")
}
