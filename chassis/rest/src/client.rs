//! REST client of a contract: the typed calls of one module in other processes.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use offshoot_contract::{ArgsOf, CallContext, CallFailure, Contract, Invoke, Method, OutcomeOf};

use crate::client_options::ClientOptions;
use crate::endpoints::{EndpointState, Endpoints};
use crate::identity::{ContractIdentity, Identity};
use crate::limits::MethodBounds;
use crate::module_client::ModuleClient;
use crate::recorder::CallRecorder;
use crate::tls::no_tls;
use crate::transport::{ServerNames, Transport};

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
        let tls = options.tls.clone();
        let tls = tls.unwrap_or_else(|| Arc::new(ArcSwap::from_pointee(no_tls())));
        Self::with_transport(|endpoints| Transport::network(tls, ServerNames(endpoints)), options)
    }

    pub(crate) fn with_transport(transport: impl FnOnce(Arc<Endpoints>) -> Transport, options: ClientOptions) -> Self {
        Self {
            bounds: options.limits.bounds::<A>(),
            module: ModuleClient::new(ContractIdentity::from_contract::<A>(), transport, options),
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
