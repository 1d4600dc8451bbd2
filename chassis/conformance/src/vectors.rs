//! The vectors, one file for each group of the page. Each function sends requests and says which answer the page asks for.

mod bodies;
mod events;
mod headers;
mod health;
mod idempotency;
mod identity;
mod requests;
mod tokens;

use crate::probe::{Answer, Probe};
use crate::tester::Tester;

/// A call that the server answers. Other requests differ from this one in one thing.
pub(crate) struct Basis {
    pub(crate) call: Probe,
    /// None if the server answers the call in a wrong way.
    pub(crate) answer: Option<Answer>,
}

/// Sends all vectors.
pub(crate) async fn send_all(tester: &mut Tester) {
    health::send(tester).await;
    identity::send_identity(tester).await;
    let basis = requests::send_call(tester).await;
    identity::send_addresses(tester, &basis).await;
    tokens::send(tester, &basis).await;
    requests::send_parameters(tester).await;
    bodies::send(tester).await;
    headers::send(tester, &basis).await;
    requests::send_order(tester, &basis).await;
    events::send(tester).await;
    idempotency::send(tester, &basis).await;
    idempotency::send_writes(tester).await;
}
