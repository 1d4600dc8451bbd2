//! Conformance test of servers: sends the vectors of `chassis/rest/PROTOCOL.md` to any server of a module, in any language,
//! and names each deviation.
//!
//! Knows contracts as descriptions and the protocol as HTTP. Must not know modules or databases, and shares no code with
//! the client and the server in `chassis/rest` except tokens and TLS.

// The result of a test.
mod report;
// The vectors as the page describes them.
mod page;
// Values of a contract: made up for requests, checked in answers.
mod fit;
mod sample;
// Requests that no client would send.
mod probe;
// The test: state, expectations, vectors by section of the page.
mod expectation;
mod tester;
mod vectors;

use std::time::Duration;

use offshoot_contract::{ContractDescription, ServerUrl};
use offshoot_rest::ServiceKeys;
use rustls::ClientConfig;

pub use crate::report::{Deviation, Report, Unchecked};

use crate::probe::Sender;
use crate::tester::Tester;

/// Time limit of one request of a test. The protocol has no slower answer to the requests that a test sends.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// Time limit of the test of one module.
pub(crate) const TEST_TIMEOUT: Duration = Duration::from_secs(120);
/// Largest answer that a test reads, bytes.
pub(crate) const MAX_ANSWER_BYTES: usize = 16 << 20;

/// A server, and the module that the server claims to serve.
#[derive(Debug)]
pub struct Subject {
    /// Address of the server.
    pub url: ServerUrl,
    /// TLS for an `https` address.
    pub tls: ClientConfig,
    /// Keys of the deployment.
    pub keys: ServiceKeys,
    /// The contract that the module has.
    pub contract: ContractDescription,
    /// Name of a caller that the module admits.
    pub caller: String,
    /// Whether to send calls that take effect: the vectors of idempotency need some.
    pub writes: bool,
}

/// No server answers at the address, so that nothing can be tested.
#[derive(Debug, thiserror::Error)]
#[error("{url} gives no answer: {reason}")]
pub struct NoAnswer {
    /// The address.
    pub url: String,
    /// The cause.
    pub reason: String,
}

/// Sends all vectors to the server, one after the other, for at most two minutes.
///
/// Without `writes`, every request is safe or refused by a server that follows the page. A server that deviates may execute
/// none of them either: a request that should be refused and has effects lacks the arguments for an effect.
pub async fn test_server(subject: Subject) -> Result<Report, NoAnswer> {
    let mut tester = Tester::new(subject)?;
    tester.require_answer().await?;
    let finished = tokio::time::timeout(TEST_TIMEOUT, vectors::send_all(&mut tester)).await;
    Ok(tester.into_report(finished.is_ok()))
}

/// Whether the server names the module in the identity header, for a caller without a token.
pub async fn serves(url: &ServerUrl, tls: ClientConfig, module: &str) -> Result<bool, NoAnswer> {
    let sender = Sender::new(url, tls);
    let answer = sender
        .send(&probe::Probe::get(format!("/modules/{module}/contract")))
        .await;
    let answer = answer.map_err(|reason| NoAnswer {
        url: url.to_string(),
        reason,
    })?;
    let named = answer.header(probe::CONTRACT);
    Ok(named.is_some_and(|named| named.split('/').next() == Some(module)))
}
