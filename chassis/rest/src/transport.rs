//! Transport of requests: HTTP over the network, or a router in this process.

use std::error::Error as _;
use std::sync::Arc;
use std::task::{Context, Poll};

use arc_swap::ArcSwap;
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
use crate::tls::SharedClientTls;

type HttpClient = hyper_util::client::legacy::Client<Connector, Full<Bytes>>;
/// Response body: from a connection, or from a router in this process.
pub(crate) type ResponseBody = Either<Incoming, Body>;

/// Sends requests to a server.
#[derive(Clone)]
pub(crate) enum Transport {
    Network(Arc<Network>),
    InProcess(Router),
}

/// Connections to the processes of one module.
pub(crate) struct Network {
    connector: Connector,
    /// The client with the pool of idle connections.
    client: ArcSwap<HttpClient>,
}

impl Network {
    /// Drops the idle connections. A proxy or a firewall that has forgotten one connection has usually forgotten all, and
    /// each call on one of them would fail. Connections in use go on.
    fn forget_connections(&self, of: &Arc<HttpClient>) {
        let fresh = Arc::new(http_client(self.connector.clone()));
        // Of several calls that lose their connections at once, one replaces the pool.
        self.client.compare_and_swap(of, fresh);
    }
}

#[expect(clippy::disallowed_methods, reason = "the HTTP client behind every contract client")]
fn http_client(connector: Connector) -> HttpClient {
    hyper_util::client::legacy::Client::builder(TokioExecutor::new())
        .pool_idle_timeout(IDLE_TIMEOUT)
        .pool_max_idle_per_host(MAX_IDLE_CONNECTIONS)
        .pool_timer(TokioTimer::new())
        .build(connector)
}

impl Transport {
    pub(crate) fn network(tls: SharedClientTls, names: ServerNames) -> Self {
        let connector = Connector(Arc::new(CurrentConnector::new(tls, names)));
        let client = ArcSwap::from_pointee(http_client(connector.clone()));
        Self::Network(Arc::new(Network { connector, client }))
    }

    /// Makes the next calls use new connections.
    pub(crate) fn forget_connections(&self) {
        if let Self::Network(network) = self {
            network.forget_connections(&network.client.load_full());
        }
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
            Transport::Network(network) => {
                let host = request.uri().authority().map_or_else(String::new, ToString::to_string);
                let client = network.client.load_full();
                let response = client.request(request).await;
                response.map(|response| response.map(Either::Left)).map_err(|error| {
                    if !error.is_connect() {
                        network.forget_connections(&client);
                    }
                    no_response(module, &host, has_effect, error)
                })
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
pub(crate) struct Connector(Arc<CurrentConnector>);

/// The connector for the TLS configuration stored last. Open connections keep the configuration that they began with.
struct CurrentConnector {
    tls: SharedClientTls,
    names: ServerNames,
    built: ArcSwap<(Arc<ClientConfig>, HttpsConnector<HttpConnector>)>,
}

impl CurrentConnector {
    fn new(tls: SharedClientTls, names: ServerNames) -> Self {
        let built = Self::build(tls.load_full(), &names);
        let built = ArcSwap::from_pointee(built);
        Self { tls, names, built }
    }

    fn build(tls: Arc<ClientConfig>, names: &ServerNames) -> (Arc<ClientConfig>, HttpsConnector<HttpConnector>) {
        let mut tcp = HttpConnector::new();
        tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
        tcp.set_nodelay(true);
        tcp.enforce_http(false);
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(ClientConfig::clone(&tls))
            .https_or_http()
            .with_server_name_resolver(names.clone())
            .enable_http1()
            .wrap_connector(tcp);
        (tls, connector)
    }

    fn get(&self) -> HttpsConnector<HttpConnector> {
        let tls = self.tls.load_full();
        if !Arc::ptr_eq(&self.built.load().0, &tls) {
            self.built.store(Arc::new(Self::build(tls, &self.names)));
        }
        self.built.load().1.clone()
    }
}

impl Service<Uri> for Connector {
    type Response = <HttpsConnector<HttpConnector> as Service<Uri>>::Response;
    type Error = <HttpsConnector<HttpConnector> as Service<Uri>>::Error;
    type Future = <HttpsConnector<HttpConnector> as Service<Uri>>::Future;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        // The inner connector is always ready.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        self.0.get().call(uri)
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
#[derive(Clone)]
pub(crate) struct ServerNames(pub(crate) Arc<Endpoints>);

impl ResolveServerName for ServerNames {
    fn resolve(&self, uri: &Uri) -> Result<ServerName<'static>, Box<dyn std::error::Error + Send + Sync>> {
        let authority = uri.authority().map(http::uri::Authority::as_str).unwrap_or_default();
        let host = self.0.certificate_host(authority);
        let host = host.ok_or_else(|| format!("no endpoint at {authority}: DNS no longer lists the address"))?;
        Ok(ServerName::try_from(host)?)
    }
}
