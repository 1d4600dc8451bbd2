//! How a request gets to a server: over the network, or to a router in this process.

use std::error::Error as _;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, ResolveServerName};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use offshoot_contract::{CallFailure, FailureKind};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tower::{Service, ServiceExt as _};

use crate::endpoints::Endpoints;

/// How long a connection may take to be made. Loopback and a data centre take a hundredth of it.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long an idle connection is kept: less than the server's keep-alive, so that the client closes first.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);
/// Idle connections kept per address.
const MAX_IDLE: usize = 64;

type HttpClient = hyper_util::client::legacy::Client<Connector, Full<Bytes>>;
/// What a server answers with: read from a connection, or as a router in this process gives it.
pub(crate) type Answer = Either<Incoming, Body>;

/// Carries requests.
#[allow(
    clippy::large_enum_variant,
    reason = "one per client, and never moved; how large depends on hyper's features"
)]
#[derive(Clone)]
pub(crate) enum Transport {
    Network(HttpClient),
    InProcess(Router),
}

impl Transport {
    #[expect(clippy::disallowed_methods, reason = "the one client of contracts")]
    pub(crate) fn network(tls: ClientConfig, names: ServerNames) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
        tcp.set_nodelay(true);
        tcp.enforce_http(false);
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .with_server_name_resolver(names)
            .enable_http1()
            .wrap_connector(tcp);
        let client = hyper_util::client::legacy::Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(MAX_IDLE)
            .pool_timer(TokioTimer::new())
            .build(Connector(Arc::new(connector)));
        Self::Network(client)
    }

    /// Sends a request to `module` and waits for the head of the response. `has_effect`: what it means that the
    /// request may have arrived.
    pub(crate) async fn send(
        &self,
        module: &str,
        has_effect: bool,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Answer>, CallFailure> {
        match self {
            Transport::Network(client) => {
                let host = request.uri().authority().map_or_else(String::new, ToString::to_string);
                let response = client.request(request).await;
                response
                    .map(|response| response.map(Either::Left))
                    .map_err(|error| lost(module, &host, has_effect, error))
            }
            Transport::InProcess(router) => match router.clone().oneshot(request.map(Body::new)).await {
                Ok(response) => Ok(response.map(Either::Right)),
                Err(never) => match never {},
            },
        }
    }
}

/// Makes connections. The client clones it for every request, and seldom needs it.
#[derive(Clone)]
pub(crate) struct Connector(Arc<HttpsConnector<HttpConnector>>);

impl Service<Uri> for Connector {
    type Response = <HttpsConnector<HttpConnector> as Service<Uri>>::Response;
    type Error = <HttpsConnector<HttpConnector> as Service<Uri>>::Error;
    type Future = <HttpsConnector<HttpConnector> as Service<Uri>>::Future;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        // As the one inside always is.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        HttpsConnector::clone(&self.0).call(uri)
    }
}

/// A request that got no answer. Only one that found no connection is known not to have arrived.
fn lost(module: &str, host: &str, has_effect: bool, error: hyper_util::client::legacy::Error) -> CallFailure {
    let reason = error.source().map_or_else(|| error.to_string(), innermost);
    if error.is_connect() {
        let why = format!("{module} cannot be reached at {host}: {reason}");
        return CallFailure::not_executed(FailureKind::Unavailable, why).caused_by(error);
    }
    let why = format!("the connection to {module} at {host} was lost: {reason}");
    CallFailure::new(FailureKind::ConnectionLost, has_effect, why).caused_by(error)
}

fn innermost(mut error: &(dyn std::error::Error + 'static)) -> String {
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

/// The names that certificates are made out to: connections are made to addresses, which names were looked up for.
pub(crate) struct ServerNames(pub(crate) Arc<Endpoints>);

impl ResolveServerName for ServerNames {
    fn resolve(&self, uri: &Uri) -> Result<ServerName<'static>, Box<dyn std::error::Error + Send + Sync>> {
        let authority = uri.authority().map(http::uri::Authority::as_str).unwrap_or_default();
        let host = self.0.host_at(authority);
        let host = host.ok_or_else(|| format!("there is no process at {authority} any more"))?;
        Ok(ServerName::try_from(host)?)
    }
}
