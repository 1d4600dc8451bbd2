//! Fills and checks out carts of a running store.

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

/// Number of products. Many products keep concurrent buyers from contending for one product.
const PRODUCTS: usize = 99;
/// Lines per cart.
const LINES: usize = 3;
const UNITS: u32 = 1_000_000;

/// A running store and the products to buy.
pub(crate) struct Shop {
    address: String,
    products: Vec<ProductId>,
    /// Index of the next cart's first product.
    next: AtomicUsize,
}

/// A filled cart.
#[derive(Clone)]
pub(crate) struct Cart {
    pub(crate) id: CartId,
    #[allow(dead_code, reason = "used only by the benchmark that replays statements")]
    pub(crate) products: [ProductId; LINES],
}

impl Shop {
    /// Loads the first products and adds stock for every purchase of a benchmark.
    pub(crate) async fn open(address: &str, store: &Store) -> Self {
        let mut connection = Connection::open(address).await.with_token(store.operator_token());
        let page = connection
            .get_json(&format!("/api/v1/products?page_size={PRODUCTS}"))
            .await;
        let items = page["items"].as_array().expect("a page has items");
        let products: Vec<ProductId> = items.iter().map(|item| parse_id(&item["id"])).collect();
        assert_eq!(products.len(), PRODUCTS, "the sample has enough products");
        for id in &products {
            let path = format!("/api/v1/admin/products/{id}/stock-adjustments");
            let body = json!({"change": UNITS, "kind": "received", "reason": "benchmark"});
            connection.send(Method::POST, &path, "", &body.to_string()).await;
        }
        Self {
            address: address.to_owned(),
            products,
            next: AtomicUsize::new(0),
        }
    }

    pub(crate) async fn fill_carts(&self, count: usize) -> Vec<Cart> {
        let mut connection = Connection::open(&self.address).await;
        let mut carts = Vec::with_capacity(count);
        for _ in 0..count {
            let first = self.next.fetch_add(LINES, Ordering::Relaxed);
            let products = [0, 1, 2].map(|offset| self.products[(first + offset) % PRODUCTS]);
            let body = connection.send(Method::POST, "/api/v1/carts", "", "").await;
            let cart: Value = serde_json::from_slice(&body).expect("a cart is JSON");
            let id: CartId = parse_id(&cart["id"]);
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

    /// Checks the carts out one after the other and returns the duration of each checkout.
    pub(crate) async fn buy(self: Arc<Self>, carts: Vec<Cart>) -> Vec<Duration> {
        let mut connection = Connection::open(&self.address).await;
        let body = json!({"payment_token": "tok_visa", "email": "ada@example.com"}).to_string();
        let mut times = Vec::with_capacity(carts.len());
        for Cart { id, .. } in carts {
            let sent = Instant::now();
            let path = format!("/api/v1/carts/{id}/checkout");
            let key = Uuid::new_v4().to_string();
            let order = connection.send(Method::POST, &path, &key, &body).await;
            times.push(sent.elapsed());
            assert!(
                order.windows(11).any(|text| text == b"\"confirmed\""),
                "a checkout was not confirmed at once"
            );
        }
        times
    }
}

fn parse_id<T: serde::de::DeserializeOwned>(id: &Value) -> T {
    serde_json::from_value(id.clone()).expect("the value is an id")
}
