//! Buying in the store that runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use carts_api::CartId;
use catalog_api::ProductId;
use http::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::connection::Connection;
use crate::store::Store;

/// As many products are bought, so that buyers seldom meet.
const PRODUCTS: usize = 99;
/// Lines of a cart.
const LINES: usize = 3;
const ENOUGH: u32 = 1_000_000;

/// A store and what is bought in it.
pub(crate) struct Shop {
    address: String,
    products: Vec<ProductId>,
    /// Where the next cart begins to take products.
    next: AtomicUsize,
}

/// A cart that can be checked out.
#[derive(Clone)]
pub(crate) struct Cart {
    pub(crate) id: CartId,
    #[allow(dead_code, reason = "whoever takes the statements of a checkout needs them")]
    pub(crate) products: [ProductId; LINES],
}

impl Shop {
    /// Receives enough of the first products.
    pub(crate) async fn open(address: &str, store: &Store) -> Self {
        let mut connection = Connection::open(address).await.with_token(store.operator_token());
        let page = connection
            .get_json(&format!("/api/v1/products?page_size={PRODUCTS}"))
            .await;
        let items = page["items"].as_array().expect("a page has items");
        let products: Vec<ProductId> = items.iter().map(|item| parsed(&item["id"])).collect();
        assert_eq!(products.len(), PRODUCTS, "the sample has enough products");
        for id in &products {
            let path = format!("/api/v1/admin/products/{id}/stock-adjustments");
            let body = json!({"change": ENOUGH, "kind": "received", "reason": "to be bought"});
            connection.send(Method::POST, &path, "", &body.to_string()).await;
        }
        Self {
            address: address.to_owned(),
            products,
            next: AtomicUsize::new(0),
        }
    }

    pub(crate) async fn carts(&self, count: usize) -> Vec<Cart> {
        let mut connection = Connection::open(&self.address).await;
        let mut carts = Vec::with_capacity(count);
        for _ in 0..count {
            let first = self.next.fetch_add(LINES, Ordering::Relaxed);
            let products = [0, 1, 2].map(|place| self.products[(first + place) % PRODUCTS]);
            let answer = connection.send(Method::POST, "/api/v1/carts", "", "").await;
            let cart: Value = serde_json::from_slice(&answer).expect("a cart is JSON");
            let id: CartId = parsed(&cart["id"]);
            let lines: Vec<_> = products
                .iter()
                .map(|id| json!({"product_id": id, "quantity": 1}))
                .collect();
            let lines = json!({ "lines": lines }).to_string();
            let path = format!("/api/v1/carts/{id}/lines");
            connection.send(Method::PUT, &path, "", &lines).await;
            carts.push(Cart { id, products });
        }
        carts
    }

    /// Checks all of them out, one after the other.
    pub(crate) async fn buy(self: Arc<Self>, carts: Vec<Cart>) -> Vec<Duration> {
        let mut connection = Connection::open(&self.address).await;
        let body = json!({"payment_token": "tok_visa", "email": "ada@example.com"}).to_string();
        let mut times = Vec::with_capacity(carts.len());
        for Cart { id, .. } in carts {
            let sent = Instant::now();
            let path = format!("/api/v1/carts/{id}/checkout");
            let key = Uuid::new_v4().to_string();
            let answer = connection.send(Method::POST, &path, &key, &body).await;
            times.push(sent.elapsed());
            assert!(
                answer.windows(11).any(|text| text == b"\"confirmed\""),
                "it is bought at once"
            );
        }
        times
    }
}

fn parsed<T: serde::de::DeserializeOwned>(id: &Value) -> T {
    serde_json::from_value(id.clone()).expect("it is an id")
}
