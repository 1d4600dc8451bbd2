//! Placement `encoded`: local calls pass through the real REST encoding, to find values that the wire would change.
//!
//! A call passes through the client and the router as over the network, but without a socket. A recorder returns the
//! decoded arguments and the outcome before encoding for comparison. The module executes each call once.

use std::sync::Arc;

use http::Uri;
use offshoot_contract::{ArgsOf, CallContext, CallFailure, Contract, Edge, FailureKind, Invoke, Method};
use uuid::Uuid;

use crate::address::Address;
use crate::admission::ServerOptions;
use crate::client::{Client, ClientOptions};
use crate::identity::ExpectedStore;
use crate::keys::ServiceKeys;
use crate::recorder::CallRecorder;
use crate::response::is_failure;
use crate::surface::router;
use crate::transport::Transport;

/// A client that calls the module behind `edge` through the REST encoding, in this process.
pub fn encoded_client<A: Contract + ?Sized>(edge: Arc<Edge<A>>) -> Arc<A> {
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
        url: Uri::from_static("http://127.0.0.1"),
    };
    let client = ClientOptions::for_address(address, keys, ExpectedStore::exactly(store_id));
    let routes = router(edge, server);
    A::new_proxy(Encoded(Client::with_transport(
        |_| Transport::InProcess(routes),
        client,
    )))
}

struct Encoded<A: ?Sized>(Client<A>);

impl<A: Contract + ?Sized> Invoke<A> for Encoded<A> {
    async fn invoke<M: Method<Api = A>>(&self, cx: &mut CallContext, args: ArgsOf<M>) -> Result<M::Answer, M::Error> {
        let recorder = CallRecorder::<M>::default();
        let result = self.0.call::<M>(cx, &args, Some(recorder.clone())).await;
        // Nothing was recorded if the call failed before the module.
        let Some((decoded, outcome)) = recorder.take() else {
            return result;
        };
        if decoded != args {
            return Err(changed_value::<M>("arguments", &args, &decoded).into());
        }
        // The wire adds the callee to a call failure. The module's own outcome has to come back unchanged.
        if !is_failure(&outcome) && outcome != result {
            return Err(changed_value::<M>("outcome", &outcome, &result).into());
        }
        result
    }
}

/// The failure of a call with a value that the encoding changed: over the network the call would mean something else.
fn changed_value<M: Method>(part: &str, before: &impl std::fmt::Debug, after: &impl std::fmt::Debug) -> CallFailure {
    let (module, method) = (M::SPEC.module, M::SPEC.name);
    tracing::error!(module, method, ?before, ?after, "REST encoding changed the {part}");
    let why = format!("the REST encoding changed the {part} of {module}.{method}: fix the serialization of the type");
    CallFailure::new(FailureKind::BadAnswer, M::SPEC.class.has_effect(), why)
}
