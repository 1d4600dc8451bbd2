//! The gRPC baseline with tonic. The service is written by hand, equivalent to the generator's output.

use std::convert::Infallible;
use std::task::{Context, Poll};

use futures_util::future::{BoxFuture, FutureExt as _, Ready, ready};
use http::uri::PathAndQuery;
use tonic::body::Body;
use tonic::server::{NamedService, UnaryService};
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Server};
use tonic::{Code, Request, Response, Status};
use tonic_prost::ProstCodec;
use tower::Service;

use crate::contract::{Item, LIST_LENGTH, item, items};
use crate::load::Caller;
use crate::{ID, Resource, server_process};

const ITEM: &str = "/bench.Items/Item";
const LIST_ITEMS: &str = "/bench.Items/List";

#[derive(Clone, PartialEq, prost::Message)]
struct ItemRequest {
    #[prost(string, tag = "1")]
    id: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ListRequest {
    #[prost(uint32, tag = "1")]
    page_size: u32,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ItemList {
    #[prost(message, repeated, tag = "1")]
    items: Vec<Item>,
}

struct ItemMethod;

impl UnaryService<ItemRequest> for ItemMethod {
    type Response = Item;
    type Future = Ready<Result<Response<Item>, Status>>;

    fn call(&mut self, request: Request<ItemRequest>) -> Self::Future {
        ready(Ok(Response::new(item(request.into_inner().id))))
    }
}

struct ListMethod;

impl UnaryService<ListRequest> for ListMethod {
    type Response = ItemList;
    type Future = Ready<Result<Response<ItemList>, Status>>;

    fn call(&mut self, request: Request<ListRequest>) -> Self::Future {
        let items = items(request.into_inner().page_size);
        ready(Ok(Response::new(ItemList { items })))
    }
}

#[derive(Clone)]
struct ItemsService;

impl NamedService for ItemsService {
    const NAME: &'static str = "bench.Items";
}

impl Service<http::Request<Body>> for ItemsService {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        match request.uri().path() {
            ITEM => async {
                let mut grpc = tonic::server::Grpc::new(ProstCodec::<Item, ItemRequest>::default());
                Ok(grpc.unary(ItemMethod, request).await)
            }
            .boxed(),
            LIST_ITEMS => async {
                let mut grpc = tonic::server::Grpc::new(ProstCodec::<ItemList, ListRequest>::default());
                Ok(grpc.unary(ListMethod, request).await)
            }
            .boxed(),
            _ => async { Ok(Status::new(Code::Unimplemented, "no such method").into_http()) }.boxed(),
        }
    }
}

/// Serves the items.
pub(crate) async fn serve() {
    let incoming = TcpIncoming::from(server_process::listen().await).with_nodelay(Some(true));
    let server = Server::builder()
        .add_service(ItemsService)
        .serve_with_incoming(incoming);
    server.await.expect("tonic serves until the process exits");
}

/// A caller over one connection, which all callers share, as usual with tonic's channel.
#[derive(Clone)]
pub(crate) struct Grpc {
    client: tonic::client::Grpc<Channel>,
    resource: Resource,
}

impl Grpc {
    pub(crate) async fn new(address: &str, resource: Resource) -> Self {
        let endpoint = Channel::from_shared(format!("http://{address}")).expect("the URL is valid");
        let channel = endpoint.tcp_nodelay(true).connect().await.expect("tonic connects");
        Self {
            client: tonic::client::Grpc::new(channel),
            resource,
        }
    }
}

impl Caller for Grpc {
    async fn call(&mut self, _: usize) {
        self.client.ready().await.expect("tonic's channel is open");
        match self.resource {
            Resource::Item => {
                let request = Request::new(ItemRequest { id: ID.to_owned() });
                let codec = ProstCodec::<ItemRequest, Item>::default();
                let answer = self.client.unary(request, PathAndQuery::from_static(ITEM), codec).await;
                assert_eq!(answer.expect("the call succeeds").into_inner().id, ID);
            }
            Resource::List => {
                let request = Request::new(ListRequest { page_size: LIST_LENGTH });
                let codec = ProstCodec::<ListRequest, ItemList>::default();
                let answer = self
                    .client
                    .unary(request, PathAndQuery::from_static(LIST_ITEMS), codec)
                    .await;
                assert_eq!(
                    answer.expect("the call succeeds").into_inner().items.len(),
                    LIST_LENGTH as usize
                );
            }
        }
    }
}
