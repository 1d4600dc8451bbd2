//! Handwritten baseline: an axum handler called with hyper-util's client or with reqwest. Without deadline, token,
//! trace or store check.

use axum::extract::{Path, Query};
use axum::routing::get;
use axum::{Json, Router};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use offshoot_contract::Page;
use serde::{Deserialize, Serialize};

use crate::contract::{Item, LIST_LENGTH, item, page};
use crate::load::Caller;
use crate::{ID, Resource, server_process};

/// Query parameters of the list.
#[derive(Serialize, Deserialize)]
struct ListQuery {
    page_size: u32,
}

/// Serves the items.
pub(crate) async fn serve() {
    let routes = Router::new()
        .route("/items/{id}", get(async |Path(id): Path<String>| Json(item(id))))
        .route(
            "/items",
            get(async |Query(query): Query<ListQuery>| Json(page(query.page_size))),
        );
    server_process::serve(routes).await;
}

/// A caller with hyper-util's client, which the stub uses too.
#[derive(Clone)]
pub(crate) struct HyperUtil {
    client: Client<HttpConnector, Empty<Bytes>>,
    url: String,
    resource: Resource,
}

/// A caller with reqwest, the most widely used client.
#[derive(Clone)]
pub(crate) struct Reqwest {
    client: reqwest::Client,
    url: String,
    resource: Resource,
}

impl HyperUtil {
    #[expect(clippy::disallowed_methods, reason = "a baseline for the contract's client")]
    pub(crate) fn new(address: &str, resource: Resource) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Self {
            client,
            url: format!("http://{address}"),
            resource,
        }
    }

    async fn get(&self, path: &str) -> Bytes {
        let url = format!("{}{path}", self.url).parse().expect("the URL is valid");
        let response = self.client.get(url).await.expect("the request succeeds");
        assert!(response.status().is_success());
        response
            .into_body()
            .collect()
            .await
            .expect("the body is complete")
            .to_bytes()
    }
}

impl Caller for HyperUtil {
    async fn call(&mut self, _: usize) {
        match self.resource {
            Resource::Item => {
                let json = self.get(&format!("/items/{ID}")).await;
                check_item(&serde_json::from_slice(&json).expect("the body is an item"));
            }
            Resource::List => {
                let json = self.get(&format!("/items?page_size={LIST_LENGTH}")).await;
                check_page(&serde_json::from_slice(&json).expect("the body is a page"));
            }
        }
    }
}

impl Reqwest {
    #[expect(clippy::disallowed_methods, reason = "a baseline for the contract's client")]
    pub(crate) fn new(address: &str, resource: Resource) -> Self {
        // reqwest sets nodelay by default.
        Self {
            client: reqwest::Client::new(),
            url: format!("http://{address}"),
            resource,
        }
    }
}

impl Caller for Reqwest {
    async fn call(&mut self, _: usize) {
        let path = match self.resource {
            Resource::Item => format!("{}/items/{ID}", self.url),
            Resource::List => format!("{}/items?page_size={LIST_LENGTH}", self.url),
        };
        let response = self.client.get(path).send().await.expect("the request succeeds");
        let response = response.error_for_status().expect("the status is a success");
        match self.resource {
            Resource::Item => check_item(&response.json().await.expect("the body is an item")),
            Resource::List => check_page(&response.json().await.expect("the body is a page")),
        }
    }
}

fn check_item(item: &Item) {
    assert_eq!(item.id, ID);
}

fn check_page(page: &Page<Item>) {
    assert_eq!(page.items.len(), LIST_LENGTH as usize);
}
