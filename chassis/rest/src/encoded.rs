//! Local calls through the real REST encoding and back, compared value by value.
//!
//! A call goes through the client and the router as it would over the network, only without a socket; the router hands
//! what it decoded, and the outcome before encoding, back to be compared. Nothing runs twice.

use std::sync::Arc;

use http::Uri;
use offshoot_contract::{ArgsOf, CallContext, CallFailure, Contract, Edge, FailureKind, Invoke, Method};
use uuid::Uuid;

use crate::address::Address;
use crate::client::{Client, ClientOptions};
use crate::door::ServerOptions;
use crate::identity::ExpectedStore;
use crate::keys::ServiceKeys;
use crate::response::is_failure;
use crate::surface::router;
use crate::tap::Tap;
use crate::transport::Transport;

/// The module behind `edge`, reached through the encoding.
pub fn encoded<A: Contract + ?Sized>(edge: Arc<Edge<A>>) -> Arc<A> {
    let store_id = Uuid::nil();
    let keys = ServiceKeys::random().of(A::NAME);
    let server = ServerOptions {
        store_id,
        instance: Uuid::nil(),
        keys: keys.clone(),
    };
    // Nobody connects to it.
    let address = Address {
        zone: None,
        url: Uri::from_static("http://127.0.0.1"),
    };
    let client = ClientOptions::to(address, keys, ExpectedStore::exactly(store_id));
    let routes = router(edge, server);
    A::object(Encoded(Client::over(|_| Transport::InProcess(routes), client)))
}

struct Encoded<A: ?Sized>(Client<A>);

impl<A: Contract + ?Sized> Invoke<A> for Encoded<A> {
    async fn invoke<M: Method<Api = A>>(&self, cx: &mut CallContext, args: ArgsOf<M>) -> Result<M::Answer, M::Error> {
        let tap = Tap::<M>::default();
        let result = self.0.call::<M>(cx, &args, Some(tap.clone())).await;
        // A call that was refused on the way has nothing to compare.
        let Some((decoded, outcome)) = tap.take() else {
            return result;
        };
        if decoded != args {
            return Err(changed::<M>("arguments", &args, &decoded).into());
        }
        // A failure is marked with its callee on the way back; the module's own outcome comes back as it was.
        if !is_failure(&outcome) && outcome != result {
            return Err(changed::<M>("outcome", &outcome, &result).into());
        }
        result
    }
}

/// A value that the wire does not carry faithfully: this call would mean something else in another process.
fn changed<M: Method>(what: &str, before: &impl std::fmt::Debug, after: &impl std::fmt::Debug) -> CallFailure {
    let (module, method) = (M::SPEC.module, M::SPEC.name);
    tracing::error!(module, method, ?before, ?after, "the encoding changed the {what}");
    let why = format!("the encoding changed the {what} of {module}.{method}");
    CallFailure::new(FailureKind::BadAnswer, M::SPEC.class.has_effect(), why)
}
