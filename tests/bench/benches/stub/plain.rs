//! What a person would write by hand: an axum handler, called with hyper-util's client or with reqwest. No deadline, no
//! token, no trace, no store.

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

use crate::contract::{Item, LIST, item, page};
use crate::load::Caller;
use crate::{ID, Wanted, peer};

/// Which items are wanted.
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
    peer::serve(routes).await;
}

/// Calls with the client that the stub uses too.
#[derive(Clone)]
pub(crate) struct HyperUtil {
    client: Client<HttpConnector, Empty<Bytes>>,
    url: String,
    wanted: Wanted,
}

/// Calls with the client that most people use.
#[derive(Clone)]
pub(crate) struct Reqwest {
    client: reqwest::Client,
    url: String,
    wanted: Wanted,
}

impl HyperUtil {
    #[expect(clippy::disallowed_methods, reason = "what the contract's client is compared with")]
    pub(crate) fn new(address: &str, wanted: Wanted) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Self {
            client,
            url: format!("http://{address}"),
            wanted,
        }
    }

    async fn get(&self, path: &str) -> Bytes {
        let url = format!("{}{path}", self.url).parse().expect("it is a URL");
        let response = self.client.get(url).await.expect("hyper-util is answered");
        assert!(response.status().is_success());
        response.into_body().collect().await.expect("the body comes").to_bytes()
    }
}

impl Caller for HyperUtil {
    async fn call(&mut self, _: usize) {
        match self.wanted {
            Wanted::Item => {
                let json = self.get(&format!("/items/{ID}")).await;
                check_item(&serde_json::from_slice(&json).expect("it is an item"));
            }
            Wanted::List => {
                let json = self.get(&format!("/items?page_size={LIST}")).await;
                check_page(&serde_json::from_slice(&json).expect("it is a page"));
            }
        }
    }
}

impl Reqwest {
    #[expect(clippy::disallowed_methods, reason = "what the contract's client is compared with")]
    pub(crate) fn new(address: &str, wanted: Wanted) -> Self {
        // Nodelay is its default.
        Self {
            client: reqwest::Client::new(),
            url: format!("http://{address}"),
            wanted,
        }
    }
}

impl Caller for Reqwest {
    async fn call(&mut self, _: usize) {
        let path = match self.wanted {
            Wanted::Item => format!("{}/items/{ID}", self.url),
            Wanted::List => format!("{}/items?page_size={LIST}", self.url),
        };
        let response = self.client.get(path).send().await.expect("reqwest is answered");
        let response = response.error_for_status().expect("it is answered well");
        match self.wanted {
            Wanted::Item => check_item(&response.json().await.expect("it is an item")),
            Wanted::List => check_page(&response.json().await.expect("it is a page")),
        }
    }
}

fn check_item(item: &Item) {
    assert_eq!(item.id, ID);
}

fn check_page(page: &Page<Item>) {
    assert_eq!(page.items.len(), LIST as usize);
}
