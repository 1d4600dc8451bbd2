//! Who uses the store, in their own words. Each step must succeed; what is refused is asked for with a bare client.

use serde_json::{Value, json};

use crate::client::{Answer, Client};

/// The currency of everything that these roles handle.
const CURRENCY: &str = "GBP";

/// Somebody who looks for products and fills a cart.
#[derive(Debug)]
pub struct Shopper(Client);

impl Shopper {
    pub(crate) fn new(client: Client) -> Self {
        Self(client)
    }

    /// One page of products. `query` is the query string without its question mark.
    pub async fn browse(&self, query: &str) -> Value {
        self.0.get(&format!("/api/v1/products?{query}")).await.expect(200)
    }

    /// One product.
    pub async fn product(&self, id: &str) -> Value {
        self.0.get(&format!("/api/v1/products/{id}")).await.expect(200)
    }

    /// A new cart; answers its id.
    pub async fn take_cart(&self) -> String {
        let cart = self.0.send(self.0.request("POST", "/api/v1/carts")).await.expect(201);
        text(&cart["id"])
    }

    /// The cart now.
    pub async fn cart(&self, id: &str) -> Value {
        self.0.get(&format!("/api/v1/carts/{id}")).await.expect(200)
    }

    /// Sets how many of a product are in the cart; answers the cart.
    pub async fn put(&self, cart: &str, product: &str, quantity: u32) -> Value {
        let path = format!("/api/v1/carts/{cart}/lines/{product}");
        self.0
            .json("PUT", &path, &json!({ "quantity": quantity }))
            .await
            .expect(200)
    }

    /// Buys a cart; answers the order, which is confirmed.
    pub async fn buy(&self, cart: &str) -> Value {
        self.check_out(cart, "tok_visa").await.expect(201)
    }

    /// Tries to buy a cart.
    pub async fn check_out(&self, cart: &str, token: &str) -> Answer {
        let body = json!({ "payment_token": token, "email": "ada@example.com" });
        self.0
            .json("POST", &format!("/api/v1/carts/{cart}/checkout"), &body)
            .await
    }

    /// An order now.
    pub async fn order(&self, id: &str) -> Value {
        self.0.get(&format!("/api/v1/orders/{id}")).await.expect(200)
    }

    /// Takes an order back; answers it.
    pub async fn cancel(&self, order: &str) -> Value {
        let path = format!("/api/v1/orders/{order}/cancel");
        self.0.send(self.0.request("POST", &path)).await.expect(200)
    }

    /// Sends units of a line back; answers the order.
    pub async fn send_back(&self, order: &str, line: u32, quantity: u32) -> Value {
        let body = json!({ "lines": [{ "line": line, "quantity": quantity }] });
        self.0
            .json("POST", &format!("/api/v1/orders/{order}/returns"), &body)
            .await
            .expect(200)
    }

    /// On hand, reserved and available.
    pub async fn stock(&self, product: &str) -> [u64; 3] {
        let stock = self
            .0
            .get(&format!("/api/v1/products/{product}/stock"))
            .await
            .expect(200);
        ["on_hand", "reserved", "available"].map(|field| stock[field].as_u64().expect("a number"))
    }

    /// Takes a product out of the cart; answers the cart.
    pub async fn take_out(&self, cart: &str, product: &str) -> Value {
        let path = format!("/api/v1/carts/{cart}/lines/{product}");
        self.0.send(self.0.request("DELETE", &path)).await.expect(200)
    }
}

/// Somebody who decides what is sold and at what price.
#[derive(Debug)]
pub struct Operator(Client);

impl Operator {
    /// With a client that carries an operator's token.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self(client)
    }

    /// Adds a product; answers its id.
    pub async fn add(&self, sku: &str, name: &str, price: &str) -> String {
        let product = json!({
            "sku": sku,
            "name": name,
            "category": "garden",
            "price": { "amount": price, "currency": CURRENCY },
        });
        let product = self
            .0
            .json("POST", "/api/v1/admin/products", &product)
            .await
            .expect(201);
        text(&product["id"])
    }

    /// Receives so many of a product.
    pub async fn receive(&self, product: &str, units: u32) {
        let body = json!({ "change": units, "reason": "bought", "kind": "received" });
        let path = format!("/api/v1/admin/products/{product}/stock-adjustments");
        self.0.json("POST", &path, &body).await.expect(200);
    }

    /// The revenue of all time, one row per currency.
    pub async fn revenue(&self) -> Value {
        self.0.get("/api/v1/reports/revenue?by=month").await.expect(200)["totals"].clone()
    }

    /// Sets a product's price from now on.
    pub async fn reprice(&self, product: &str, price: &str) {
        let path = format!("/api/v1/admin/products/{product}/price");
        self.0
            .json("PUT", &path, &json!({ "amount": price, "currency": CURRENCY }))
            .await
            .expect(200);
    }
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("a text, not {value}"))
        .to_owned()
}
