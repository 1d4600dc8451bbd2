//! Transport of requests: HTTP over the network, or a router in this process.

use std::error::Error as _;
use std::sync::Arc;
use std::task::{Context, Poll};

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
use crate::limits::{CONNECT_TIMEOUT, IDLE_TIMEOUT, MAX_IDLE_CONNECTIONS};

type HttpClient = hyper_util::client::legacy::Client<Connector, Full<Bytes>>;
/// Response body: from a connection, or from a router in this process.
pub(crate) type ResponseBody = Either<Incoming, Body>;

/// Sends requests to a server.
#[allow(
    clippy::large_enum_variant,
    reason = "one per client, and never moved; the size depends on hyper's features"
)]
#[derive(Clone)]
pub(crate) enum Transport {
    Network(HttpClient),
    InProcess(Router),
}

impl Transport {
    #[expect(clippy::disallowed_methods, reason = "the HTTP client behind every contract client")]
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
            .pool_max_idle_per_host(MAX_IDLE_CONNECTIONS)
            .pool_timer(TokioTimer::new())
            .build(Connector(Arc::new(connector)));
        Self::Network(client)
    }

    /// Sends a request to `module` and waits for the head of the response. `has_effect`: whether a request that may
    /// have arrived may have executed.
    pub(crate) async fn send(
        &self,
        module: &str,
        has_effect: bool,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<ResponseBody>, CallFailure> {
        match self {
            Transport::Network(client) => {
                let host = request.uri().authority().map_or_else(String::new, ToString::to_string);
                let response = client.request(request).await;
                response
                    .map(|response| response.map(Either::Left))
                    .map_err(|error| no_response(module, &host, has_effect, error))
            }
            Transport::InProcess(router) => match router.clone().oneshot(request.map(Body::new)).await {
                Ok(response) => Ok(response.map(Either::Right)),
                Err(never) => match never {},
            },
        }
    }
}

/// Opens connections. Behind an `Arc`, since hyper clones the connector for every request and seldom uses the clone.
#[derive(Clone)]
pub(crate) struct Connector(Arc<HttpsConnector<HttpConnector>>);

impl Service<Uri> for Connector {
    type Response = <HttpsConnector<HttpConnector> as Service<Uri>>::Response;
    type Error = <HttpsConnector<HttpConnector> as Service<Uri>>::Error;
    type Future = <HttpsConnector<HttpConnector> as Service<Uri>>::Future;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        // The inner connector is always ready.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        HttpsConnector::clone(&self.0).call(uri)
    }
}

/// The failure of a request without response. Only a failed connect proves that the request did not arrive.
fn no_response(module: &str, host: &str, has_effect: bool, error: hyper_util::client::legacy::Error) -> CallFailure {
    let reason = error.source().map_or_else(|| error.to_string(), innermost_message);
    if error.is_connect() {
        let why = format!("{module} cannot be reached at {host}: {reason}");
        return CallFailure::not_executed(FailureKind::Unavailable, why).caused_by(error);
    }
    let why = format!("the connection to {module} at {host} was lost: {reason}");
    CallFailure::new(FailureKind::ConnectionLost, has_effect, why).caused_by(error)
}

fn innermost_message(mut error: &(dyn std::error::Error + 'static)) -> String {
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

/// Host names for certificate checks. Connections go to resolved socket addresses, but certificates carry host names.
pub(crate) struct ServerNames(pub(crate) Arc<Endpoints>);

impl ResolveServerName for ServerNames {
    fn resolve(&self, uri: &Uri) -> Result<ServerName<'static>, Box<dyn std::error::Error + Send + Sync>> {
        let authority = uri.authority().map(http::uri::Authority::as_str).unwrap_or_default();
        let host = self.0.certificate_host(authority);
        let host = host.ok_or_else(|| format!("no endpoint at {authority}: DNS no longer lists the address"))?;
        Ok(ServerName::try_from(host)?)
    }
}
