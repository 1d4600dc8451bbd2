//! Roles of users: shopper and operator. Each step must succeed; tests of refusals use a bare client.

use serde_json::{Value, json};

use crate::client::{Client, Response};

/// The currency of all prices.
const CURRENCY: &str = "GBP";

/// Browses products, fills carts and buys.
#[derive(Debug)]
pub struct Shopper(Client);

impl Shopper {
    /// `client` needs no token.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self(client)
    }

    /// Returns one page of products. `query` is the query string without the question mark.
    pub async fn browse(&self, query: &str) -> Value {
        self.0.get(&format!("/api/v1/products?{query}")).await.expect(200)
    }

    /// Returns one product.
    pub async fn product(&self, id: &str) -> Value {
        self.0.get(&format!("/api/v1/products/{id}")).await.expect(200)
    }

    /// Creates a cart and returns the cart's id.
    pub async fn create_cart(&self) -> String {
        let cart = self.0.send(self.0.request("POST", "/api/v1/carts")).await.expect(201);
        text(&cart["id"])
    }

    /// Returns the current cart.
    pub async fn cart(&self, id: &str) -> Value {
        self.0.get(&format!("/api/v1/carts/{id}")).await.expect(200)
    }

    /// Sets the quantity of a product in the cart. Returns the changed cart.
    pub async fn set_quantity(&self, cart: &str, product: &str, quantity: u32) -> Value {
        let path = format!("/api/v1/carts/{cart}/lines/{product}");
        self.0
            .json("PUT", &path, &json!({ "quantity": quantity }))
            .await
            .expect(200)
    }

    /// Checks a cart out and returns the confirmed order, without the token of the order's link.
    pub async fn buy(&self, cart: &str) -> Value {
        let mut order = self.check_out(cart, "tok_visa").await.expect(201);
        let token = order.as_object_mut().and_then(|order| order.remove("link_token"));
        assert!(token.is_some_and(|token| token.is_string()), "{order}");
        order
    }

    /// Requests a checkout with this payment token; any response is allowed.
    pub async fn check_out(&self, cart: &str, token: &str) -> Response {
        let body = json!({ "payment_token": token, "email": "ada@example.com" });
        self.0
            .json("POST", &format!("/api/v1/carts/{cart}/checkout"), &body)
            .await
    }

    /// Returns the current order.
    pub async fn order(&self, id: &str) -> Value {
        self.0.get(&format!("/api/v1/orders/{id}")).await.expect(200)
    }

    /// Cancels an order and returns the cancelled order.
    pub async fn cancel(&self, order: &str) -> Value {
        let path = format!("/api/v1/orders/{order}/cancel");
        self.0.send(self.0.request("POST", &path)).await.expect(200)
    }

    /// Returns units of one order line. Returns the changed order.
    pub async fn return_line(&self, order: &str, line: u32, quantity: u32) -> Value {
        let body = json!({ "lines": [{ "line": line, "quantity": quantity }] });
        self.0
            .json("POST", &format!("/api/v1/orders/{order}/returns"), &body)
            .await
            .expect(200)
    }

    /// Units on hand, reserved and available.
    pub async fn stock(&self, product: &str) -> [u64; 3] {
        let stock = self
            .0
            .get(&format!("/api/v1/products/{product}/stock"))
            .await
            .expect(200);
        ["on_hand", "reserved", "available"].map(|field| stock[field].as_u64().expect("a stock figure is a number"))
    }

    /// Removes a product from the cart. Returns the changed cart.
    pub async fn remove_line(&self, cart: &str, product: &str) -> Value {
        let path = format!("/api/v1/carts/{cart}/lines/{product}");
        self.0.send(self.0.request("DELETE", &path)).await.expect(200)
    }
}

/// Maintains products, prices and stock.
#[derive(Debug)]
pub struct Operator(Client);

impl Operator {
    /// `client` must carry an operator's token.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self(client)
    }

    /// Adds a product and returns the product's id.
    pub async fn add_product(&self, sku: &str, name: &str, price: &str) -> String {
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

    /// Books received units into the stock.
    pub async fn receive_stock(&self, product: &str, units: u32) {
        let body = json!({ "change": units, "reason": "bought", "kind": "received" });
        let path = format!("/api/v1/admin/products/{product}/stock-adjustments");
        self.0.json("POST", &path, &body).await.expect(200);
    }

    /// Revenue of all time, one entry per currency.
    pub async fn revenue(&self) -> Value {
        self.0.get("/api/v1/reports/revenue?by=month").await.expect(200)["totals"].clone()
    }

    /// Sets a product's price.
    pub async fn set_price(&self, product: &str, price: &str) {
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
        .unwrap_or_else(|| panic!("expected a string, found {value}"))
        .to_owned()
}
