//! The routes, as one connection calls them: notes which part of a request the connection is in.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, Bytes};
use futures_util::future::BoxFuture;
use http::header::{CONNECTION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use offshoot_contract::Problem;
use tower::ServiceExt as _;

use crate::connection::{Connection, Phase};
use crate::stopping::Stopping;

/// Header of the answer on a connection beyond the limit: the request was not executed.
pub const AT_THE_LIMIT: HeaderName = HeaderName::from_static("offshoot-at-the-limit");

/// Paths that are answered on reserved connections.
const HEALTH: &str = "/health/";

/// The routes for one connection.
pub(crate) struct TrackedService {
    pub(crate) routes: Router,
    pub(crate) connection: Arc<Connection>,
    pub(crate) stopping: Stopping,
}

impl hyper::service::Service<Request<Incoming>> for TrackedService {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let (connection, stopping) = (Arc::clone(&self.connection), self.stopping.clone());
        let routes = self.routes.clone();
        // Nothing happens before the first poll: a pipelined request waits until the response before it has been written, and
        // such a connection may be closed.
        Box::pin(async move {
            let has_body = !request.body().is_end_stream();
            if !connection.enter(if has_body { Phase::Body } else { Phase::Executing }) {
                // The connection's task is about to end.
                std::future::pending::<()>().await;
            }
            let is_served = !connection.is_reserved() || request.uri().path().starts_with(HEALTH);
            let mut response = if is_served {
                let request = request.map(|body| match has_body {
                    true => Body::new(TrackedBody::new(body, &connection, Phase::Body, Phase::Executing)),
                    false => Body::empty(),
                });
                routes.oneshot(request).await?
            } else {
                at_the_limit()
            };
            if stopping.is_draining() || connection.is_reserved() {
                response
                    .headers_mut()
                    .insert(CONNECTION, HeaderValue::from_static("close"));
            }
            connection.enter(Phase::Responding);
            Ok(response.map(|body| Body::new(TrackedBody::new(body, &connection, Phase::Responding, Phase::Idle))))
        })
    }
}

/// Answers a request on a reserved connection.
fn at_the_limit() -> Response<Body> {
    let problem = Problem::new(503, "overloaded", "the limit on connections is reached");
    let mut response = Response::new(Body::from(serde_json::to_vec(&problem).unwrap_or_default()));
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
    headers.insert(AT_THE_LIMIT, HeaderValue::from_static("connections"));
    response
}

/// A body whose end moves the connection to the next phase.
struct TrackedBody<B> {
    body: B,
    end: PhaseEnd,
}

/// Moves the connection on when the body has ended or was dropped.
struct PhaseEnd {
    connection: Arc<Connection>,
    from: Phase,
    to: Phase,
}

impl<B> TrackedBody<B> {
    fn new(body: B, connection: &Arc<Connection>, from: Phase, to: Phase) -> Self {
        let connection = Arc::clone(connection);
        let end = PhaseEnd { connection, from, to };
        Self { body, end }
    }
}

impl PhaseEnd {
    fn pass(&self) {
        self.connection.advance(self.from, self.to);
    }
}

impl Drop for PhaseEnd {
    fn drop(&mut self) {
        self.pass();
    }
}

impl<B: HttpBody<Data = Bytes> + Unpin> HttpBody for TrackedBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        // A response ends when the body is dropped: until then the connection writes.
        if self.end.from == Phase::Body && (matches!(frame, Poll::Ready(None)) || self.body.is_end_stream()) {
            self.end.pass();
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
