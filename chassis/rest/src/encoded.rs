//! Placement `encoded`: local calls pass through the real REST encoding, to find values that the wire would change.
//!
//! A call passes through the client and the router as over the network, but without a socket. A recorder returns the
//! decoded arguments and the outcome before encoding for comparison. The module executes each call once.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use offshoot_contract::{
    ArgsOf, CallContext, CallFailure, Contract, ContractError as _, Edge, FailureKind, Invoke, Method, MethodSpec,
    OutcomeOf, ServerUrl,
};
use uuid::Uuid;

use crate::address::Address;
use crate::admission::ServerOptions;
use crate::client::Client;
use crate::client_options::ClientOptions;
use crate::identity::ExpectedStore;
use crate::keys::ServiceKeys;
use crate::recorder::CallRecorder;
use crate::surface::router;
use crate::transport::Transport;

/// A client that calls the module behind `edge` through the REST encoding, in this process.
pub fn encoded_client<A: Contract + ?Sized>(edge: Arc<Edge<A>>) -> Arc<A> {
    A::new_proxy(Encoded(in_process_client(|server| router(edge, server))))
}

/// A client of routes in this process.
pub(crate) fn in_process_client<A: Contract + ?Sized>(routes: impl FnOnce(ServerOptions) -> Router) -> Client<A> {
    let store_id = Uuid::nil();
    let keys = ServiceKeys::random().for_module(A::NAME);
    let server = ServerOptions {
        store_id,
        instance: Uuid::nil(),
        keys: keys.clone(),
    };
    // Placeholder: the in-process transport never connects.
    let address = Address {
        zone: None,
        url: ServerUrl::from(SocketAddr::from((Ipv4Addr::LOCALHOST, 80))),
    };
    let client = ClientOptions::for_address(address, keys, ExpectedStore::exactly(store_id));
    let routes = routes(server);
    Client::with_transport(|_| Transport::InProcess(routes), client)
}

struct Encoded<A: ?Sized>(Client<A>);

impl<A: Contract + ?Sized> Invoke<A> for Encoded<A> {
    async fn invoke<M: Method<Api = A>>(&self, cx: &mut CallContext, args: ArgsOf<M>) -> OutcomeOf<M> {
        let recorder = CallRecorder::default();
        let result = self.0.call::<M>(cx, &args, Some(recorder.clone())).await;
        // Nothing was recorded if the call failed before the module.
        let Some((decoded, outcome)) = recorder.take::<M>() else {
            return result;
        };
        if decoded != args {
            return Err(changed_value(M::spec(), "arguments", &args, &decoded).into());
        }
        // The wire adds the callee to a call failure. The module's own outcome has to come back unchanged.
        let is_failure = outcome.as_ref().is_err_and(|error| error.failure().is_some());
        if !is_failure && outcome != result {
            return Err(changed_value(M::spec(), "outcome", &outcome, &result).into());
        }
        result
    }
}

/// The failure of a call with a value that the encoding changed: over the network the call would mean something else.
fn changed_value(spec: &MethodSpec, part: &str, before: &dyn fmt::Debug, after: &dyn fmt::Debug) -> CallFailure {
    let (module, method) = (spec.module, spec.name);
    tracing::error!(module, method, ?before, ?after, "REST encoding changed the {part}");
    let why = format!("the REST encoding changed the {part} of {module}.{method}: fix the serialization of the type");
    CallFailure::new(FailureKind::BadAnswer, spec.class.has_effect(), why)
}
