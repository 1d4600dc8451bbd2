//! REST client of a contract: the typed calls of one module in other processes.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use offshoot_contract::{ArgsOf, CallContext, CallFailure, Contract, Invoke, Method, OutcomeOf};
use rustls::ClientConfig;

use crate::address::Address;
use crate::endpoints::{EndpointState, Endpoints};
use crate::identity::{ContractIdentity, ExpectedStore, Identity};
use crate::keys::ModuleKeys;
use crate::limits::{ClientLimits, MethodBounds};
use crate::module_client::ModuleClient;
use crate::recorder::CallRecorder;
use crate::tls::no_tls;
use crate::transport::{ServerNames, Transport};

/// Addresses, credentials and limits of a client.
#[derive(Debug)]
pub struct ClientOptions {
    /// The processes that serve the module, all on one database.
    pub addresses: Vec<Address>,
    /// Zone of this process. Other zones are called only while every address in this zone is ejected.
    pub zone: Option<String>,
    /// Keys that sign the service tokens.
    pub keys: ModuleKeys,
    /// Store id that every response has to carry.
    pub store: Arc<ExpectedStore>,
    /// Limits on calls in flight, timeouts and ejection.
    pub limits: ClientLimits,
    /// TLS for `https` addresses, see [`client_tls`](crate::client_tls). With none, `https` addresses cannot be
    /// called.
    pub tls: Option<ClientConfig>,
}

impl ClientOptions {
    /// Options for a single address, with default limits, no zone and no TLS.
    #[must_use]
    pub fn for_address(address: Address, keys: ModuleKeys, store: ExpectedStore) -> Self {
        Self {
            addresses: vec![address],
            zone: None,
            keys,
            store: Arc::new(store),
            limits: ClientLimits::default(),
            tls: None,
        }
    }
}

/// Calls a contract in other processes. Connects at the first call, so processes may start in any order.
pub struct Client<A: ?Sized> {
    module: Arc<ModuleClient>,
    bounds: Vec<MethodBounds>,
    api: PhantomData<fn() -> Box<A>>,
}

impl<A: Contract + ?Sized> Client<A> {
    /// Creates a client that calls over the network.
    #[must_use]
    pub fn new(options: ClientOptions) -> Self {
        let tls = options.tls.clone().unwrap_or_else(no_tls);
        Self::with_transport(|endpoints| Transport::network(tls, ServerNames(endpoints)), options)
    }

    pub(crate) fn with_transport(transport: impl FnOnce(Arc<Endpoints>) -> Transport, options: ClientOptions) -> Self {
        Self {
            bounds: options.limits.bounds::<A>(),
            module: Arc::new(ModuleClient::new(
                ContractIdentity::from_contract::<A>(),
                transport,
                options,
            )),
            api: PhantomData,
        }
    }

    /// Load and circuit breaker state of each process.
    #[must_use]
    pub fn endpoints(&self) -> Vec<EndpointState> {
        self.module.endpoints()
    }

    /// The client of the module's processes, for methods that the chassis answers.
    #[must_use]
    pub fn module(&self) -> &Arc<ModuleClient> {
        &self.module
    }

    /// Checks contract and store at every address. Succeeds if one address serves the right ones; `timeout` holds for
    /// DNS resolution and for each address.
    pub async fn identify(&self, timeout: Duration) -> Result<Identity, CallFailure> {
        self.module.identify(timeout).await
    }

    /// Makes one call. With an in-process transport, `recorder` receives the values that the server side sees.
    pub(crate) async fn call<M: Method<Api = A>>(
        &self,
        cx: &mut CallContext,
        args: &ArgsOf<M>,
        recorder: Option<CallRecorder>,
    ) -> OutcomeOf<M> {
        let bounds = &self.bounds[M::INDEX];
        self.module.call::<M>(M::spec(), bounds, cx, args, recorder).await
    }
}

impl<A: Contract + ?Sized> Invoke<A> for Client<A> {
    async fn invoke<M: Method<Api = A>>(&self, cx: &mut CallContext, args: ArgsOf<M>) -> OutcomeOf<M> {
        self.call::<M>(cx, &args, None).await
    }
}
