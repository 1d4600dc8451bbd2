//! The switch of one module, and the targets between which the switch can change.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use futures_util::future::BoxFuture;
use offshoot_contract::{CallContext, CallFailure, Contract, Edge, FailureKind, PathCounts, Placement, Switch, Target};
use offshoot_db::Db;
use offshoot_jobs::Replica;
use offshoot_rest::{Address, Client, EndpointState, Identity, encoded_client};

use crate::module_data::FollowedLogs;
use crate::trial_clients::TrialClients;

/// Timeout of a readiness check, of a database or of another process.
pub(crate) const CHECK_TIMEOUT: Duration = Duration::from_millis(500);

/// Control over the placement of a module, without its contract as a type.
pub trait PlacementControl: Send + Sync {
    /// The current placement.
    fn placement(&self) -> Placement;

    /// Addresses that calls may be sent to.
    fn addresses(&self) -> Vec<Address>;

    /// Counts of ended calls by caller, method and placement.
    fn paths(&self) -> Vec<PathCounts>;

    /// State of each address that currently receives calls; empty while this process executes the module.
    fn endpoints(&self) -> Vec<EndpointState>;

    /// Number of calls to other processes that wait, because as many as allowed are in flight.
    fn waiting(&self) -> u32;

    /// Checks that the module can be called at its current placement. The error is the reason, for people.
    fn check(&self) -> BoxFuture<'_, Result<(), String>>;

    /// Checks the processes at some of the addresses, or at all: each that answers must serve this contract and this store,
    /// and work on this data, and one must answer.
    fn check_target(&self, urls: Option<Vec<Address>>) -> Result<TargetCheck, PlacementError>;

    /// Places later calls; calls in flight end where they are. `urls` narrows a remote placement to some of the
    /// addresses; `None` allows all.
    fn place(&self, placement: Placement, urls: Option<Vec<Address>>) -> Result<(), PlacementError>;
}

/// A check of the processes that calls of a module may be sent to.
pub type TargetCheck = BoxFuture<'static, Result<Evidence, TargetFault>>;

/// What a check of a target has shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// The target sends heartbeats to the data that this process has open.
    SameData,
    /// The target serves the expected store. This process does not have the module's data open, and a restored copy has
    /// the same store id.
    SameStore,
}

/// What is wrong with a target. The text names both sides, for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetFault {
    /// No process answers, or none could be asked.
    #[error("{0}")]
    Unreachable(String),
    /// Another contract, store or deployment answers.
    #[error("{0}")]
    WrongStore(String),
    /// The store is the expected one, but the process works on other data.
    #[error("{0}")]
    OtherData(String),
}

impl From<CallFailure> for TargetFault {
    fn from(failure: CallFailure) -> Self {
        match failure.kind() {
            FailureKind::WrongContract => Self::WrongStore(failure.to_string()),
            _ => Self::Unreachable(failure.to_string()),
        }
    }
}

/// Reason why a placement is refused.
#[derive(Debug, thiserror::Error)]
pub enum PlacementError {
    /// This process does not run the module's implementation.
    #[error("{0} does not run in this process: the process was started without {0}")]
    NotLocal(&'static str),
    /// This process knows no address of the module.
    #[error("this process knows no address of {0}: start the process with --urls {0}=http://HOST:PORT")]
    NoAddress(&'static str),
    /// The address is not among the configured ones.
    #[error("{url} is not an address of {module} that this process was started with: those are {known}")]
    UnknownAddress {
        /// The module.
        module: &'static str,
        /// The address asked for.
        url: String,
        /// The configured addresses.
        known: String,
    },
}

/// The module's implementation in this process.
pub(crate) struct LocalModule<A: ?Sized> {
    pub(crate) edge: Arc<Edge<A>>,
    pub(crate) db: Db,
    pub(crate) replica: Arc<Replica>,
    /// Location of the data, without a password.
    pub(crate) data: String,
    /// The newest migration of each set that this binary has.
    pub(crate) migrations: Vec<String>,
    /// The logs that the module follows.
    pub(crate) followed: FollowedLogs,
}

impl<A: Contract + ?Sized> LocalModule<A> {
    /// The target that executes calls in this process.
    pub(crate) fn target(&self, placement: Placement) -> Target<A> {
        match placement {
            Placement::Encoded => Target::Encoded(encoded_client(Arc::clone(&self.edge))),
            Placement::Local | Placement::Remote => Target::Local(Arc::clone(&self.edge)),
        }
    }

    async fn ping(&self) -> Result<(), CallFailure> {
        let mut cx = CallContext::root("health").with_timeout(CHECK_TIMEOUT);
        self.db.ping(&mut cx).await
    }
}

/// The calls that a client is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClientPurpose {
    /// Calls that nobody else can execute.
    Calls,
    /// Calls that the implementation in this process executes if no answer comes.
    CallsWithStandby,
    /// Calls that are repeated for a comparison.
    Comparisons,
}

/// The module in other processes.
pub(crate) struct RemoteModule<A: ?Sized> {
    pub(crate) addresses: Vec<Address>,
    connect: Box<dyn Fn(Vec<Address>, ClientPurpose) -> Client<A> + Send + Sync>,
}

impl<A: ?Sized> RemoteModule<A> {
    pub(crate) fn new(
        addresses: Vec<Address>,
        connect: impl Fn(Vec<Address>, ClientPurpose) -> Client<A> + Send + Sync + 'static,
    ) -> Self {
        Self {
            addresses,
            connect: Box::new(connect),
        }
    }

    /// A client for all addresses.
    pub(crate) fn connect_to_all(&self, purpose: ClientPurpose) -> Client<A> {
        (self.connect)(self.addresses.clone(), purpose)
    }
}

/// The switch of one module and its targets.
pub(crate) struct ModuleSwitch<A: ?Sized> {
    pub(crate) switch: Arc<Switch<A>>,
    pub(crate) local: Option<LocalModule<A>>,
    /// The placement that the settings give the implementation in this process.
    pub(crate) home: Placement,
    pub(crate) remote: Option<RemoteModule<A>>,
    /// Client for all addresses. Created once, so that connections and circuit states survive a change of placement.
    pub(crate) all: Option<Arc<Client<A>>>,
    /// Client of the current remote placement; empty while this process executes the module.
    pub(crate) current: ArcSwapOption<Client<A>>,
    /// What plans need, created by the first one.
    pub(crate) trials: OnceLock<TrialClients<A>>,
}

impl<A: Contract + ?Sized> ModuleSwitch<A> {
    /// A switch around an implementation in this process.
    pub(crate) fn new_local(placement: Placement, local: LocalModule<A>, remote: Option<RemoteModule<A>>) -> Self {
        let all = remote
            .as_ref()
            .map(|remote| Arc::new(remote.connect_to_all(ClientPurpose::Calls)));
        Self {
            switch: Arc::new(Switch::new(local.target(placement))),
            local: Some(local),
            home: placement,
            remote,
            all,
            current: ArcSwapOption::empty(),
            trials: OnceLock::new(),
        }
    }

    /// A switch for a module that only other processes run.
    pub(crate) fn new_remote(remote: RemoteModule<A>) -> Self {
        let all = Arc::new(remote.connect_to_all(ClientPurpose::Calls));
        Self {
            switch: Arc::new(Switch::new(Target::Remote(A::new_proxy(Arc::clone(&all))))),
            local: None,
            home: Placement::Remote,
            remote: Some(remote),
            all: Some(Arc::clone(&all)),
            current: ArcSwapOption::new(Some(all)),
            trials: OnceLock::new(),
        }
    }

    pub(crate) fn switch(&self) -> &Arc<Switch<A>> {
        &self.switch
    }

    /// Routes later calls to `target`, of which `client` calls other processes.
    pub(crate) fn route_to(&self, target: Target<A>, client: Option<Arc<Client<A>>>) {
        self.current.store(client);
        self.switch.route_to(target);
    }

    fn local(&self) -> Result<&LocalModule<A>, PlacementError> {
        self.local.as_ref().ok_or(PlacementError::NotLocal(A::NAME))
    }

    fn client(&self, urls: Option<Vec<Address>>) -> Result<Arc<Client<A>>, PlacementError> {
        let (Some(remote), Some(all)) = (&self.remote, &self.all) else {
            return Err(PlacementError::NoAddress(A::NAME));
        };
        let Some(urls) = urls.filter(|urls| !urls.is_empty()) else {
            return Ok(Arc::clone(all));
        };
        match urls.iter().find(|url| !remote.addresses.contains(url)) {
            Some(url) => Err(PlacementError::UnknownAddress {
                module: A::NAME,
                url: url.to_string(),
                known: join_addresses(&remote.addresses),
            }),
            None => Ok(Arc::new((remote.connect)(urls, ClientPurpose::Calls))),
        }
    }
}

impl<A: Contract + ?Sized> PlacementControl for ModuleSwitch<A> {
    fn placement(&self) -> Placement {
        self.switch.placement()
    }

    fn addresses(&self) -> Vec<Address> {
        self.remote
            .as_ref()
            .map_or_else(Vec::new, |remote| remote.addresses.clone())
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

    fn waiting(&self) -> u32 {
        self.current
            .load()
            .as_ref()
            .map_or(0, |client| client.module().waiting())
    }

    fn check(&self) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async {
            let checked = match (self.current.load_full(), &self.local) {
                // A dead candidate must not take a process out of the load balancer that can execute the calls.
                (Some(_), Some(local)) if self.is_trial() => local.ping().await,
                (Some(client), _) => client.identify(CHECK_TIMEOUT).await.map(drop),
                (None, Some(local)) => local.ping().await,
                (None, None) => Ok(()),
            };
            checked.map_err(|failure| failure.to_string())
        })
    }

    fn check_target(&self, urls: Option<Vec<Address>>) -> Result<TargetCheck, PlacementError> {
        let client = self.client(urls)?;
        let own = self.local.as_ref();
        let own = own.map(|local| (Arc::clone(&local.replica), local.data.clone()));
        Ok(Box::pin(async move {
            let answering = client.module().check_all(CHECK_TIMEOUT).await?;
            let Some((replica, data)) = own else {
                return Ok(Evidence::SameStore);
            };
            for (url, identity) in answering {
                if !replica.sees(identity.instance).await? {
                    return Err(TargetFault::OtherData(other_data(&replica, &data, &url, &identity)));
                }
            }
            Ok(Evidence::SameData)
        }))
    }

    fn place(&self, placement: Placement, urls: Option<Vec<Address>>) -> Result<(), PlacementError> {
        let (target, client) = match placement {
            Placement::Local | Placement::Encoded => (self.local()?.target(placement), None),
            Placement::Remote => {
                let client = self.client(urls)?;
                (Target::Remote(A::new_proxy(Arc::clone(&client))), Some(client))
            }
        };
        self.route_to(target, client);
        Ok(())
    }
}

/// Says that the process at `url` sends no heartbeats to the data of this process.
pub(crate) fn other_data(replica: &Replica, data: &str, url: &str, found: &Identity) -> String {
    let (module, own) = (&found.name, replica.instance());
    let Identity { store_id, instance, .. } = found;
    let elsewhere = found.data.as_deref().unwrap_or("an unknown place");
    format!(
        "{module} at {url} works on other data: its process {instance} has the data in {elsewhere}, store {store_id}, and \
         sends no heartbeats to the data of this process {own}, in {data}; a restored copy has the same store id"
    )
}

/// Addresses separated by commas.
pub(crate) fn join_addresses(addresses: &[Address]) -> String {
    let addresses: Vec<_> = addresses.iter().map(ToString::to_string).collect();
    addresses.join(", ")
}
