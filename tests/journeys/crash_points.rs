//! Kills the store at each named point of a checkout, a cancellation and a return. After the restart, the request is
//! repeated under the same key; then no saga is open and every proof holds.

use offshoot_tests::{Client, Data, Engine, Process};
use serde_json::{Value, json};

use super::replay::assert_ledger_matches_revenue;
use crate::crash::event_log;

on_both_engines! {
    a_killed_checkout_is_completed_or_undone,
    a_killed_declined_checkout_is_undone,
    a_killed_cancellation_is_completed,
    a_killed_return_is_completed,
}

const IDEMPOTENCY_KEY: &str = "the-same-for-ever";
/// Interrupted work is resumed soon.
const FAST_RECOVERY: [(&str, &str); 2] = [
    ("OFFSHOOT__ORDERS__LEASE", "1s"),
    ("OFFSHOOT__ORDERS__SWEEP_EVERY", "100ms"),
];

/// A stopped store with one product and ten units of stock.
pub(crate) struct ShopFixture {
    pub(crate) data: Data,
    product: String,
}

impl ShopFixture {
    pub(crate) async fn new(engine: Engine) -> Self {
        let data = Data::new(engine).await;
        let store = data.serve(&[]).await;
        let client = Client::new(store.url()).with_token(data.operator_token());
        let price = json!({ "amount": "2.50", "currency": "GBP" });
        let product = json!({ "sku": "L-1", "name": "Lantern", "category": "garden", "price": price });
        let product = client
            .json("POST", "/api/v1/admin/products", &product)
            .await
            .expect(201);
        let product = text(&product["id"]);
        let units = json!({ "change": 10, "reason": "bought", "kind": "received" });
        let path = format!("/api/v1/admin/products/{product}/stock-adjustments");
        client.json("POST", &path, &units).await.expect(200);
        store.stop().await;
        Self { data, product }
    }

    /// Creates a cart with two units and returns the path of the cart's checkout.
    pub(crate) async fn cart_checkout_path(&self, client: &Client) -> String {
        let cart = client.send(client.request("POST", "/api/v1/carts")).await.expect(201);
        let path = format!("/api/v1/carts/{}", text(&cart["id"]));
        let lines = json!({ "lines": [{ "product_id": self.product, "quantity": 2 }] });
        client.json("PUT", &format!("{path}/lines"), &lines).await.expect(200);
        format!("{path}/checkout")
    }

    /// Prepares a request with `prepare`, sends the request, kills the store at `point`, restarts the store and repeats
    /// the request. Returns status, body and the running process.
    async fn kill_at_point(
        &self,
        point: &str,
        prepare: impl AsyncFn(&Self, &Client) -> (String, Value),
    ) -> (u16, Value, Process) {
        let mut environment = FAST_RECOVERY.to_vec();
        environment.push(("OFFSHOOT_HALT_AT", point));
        // The preparation must not halt, so another process executes the preparation.
        let store = self.data.serve_with(&FAST_RECOVERY, &[]).await;
        let (path, body) = prepare(self, &Client::new(store.url())).await;
        store.stop().await;
        let store = self.data.serve_with(&environment, &[]).await;
        let client = Client::new(store.url());
        let request = client
            .request("POST", &path)
            .header("idempotency-key", IDEMPOTENCY_KEY)
            .json(&body)
            .send();
        let request = tokio::spawn(request);
        store.wait_for_log(&format!("halted at {point}")).await;
        store.kill().await;
        request.abort();

        let store = self.data.serve_with(&FAST_RECOVERY, &[]).await;
        let client = Client::new(store.url());
        let repeat = client
            .request("POST", &path)
            .header("idempotency-key", IDEMPOTENCY_KEY)
            .json(&body);
        let response = client.send(repeat).await;
        let body = serde_json::from_str(&response.text).unwrap_or(Value::Null);
        (response.status, body, store)
    }

    /// Asserts that every proof holds, the provider's ledger matches the revenue, and each order published its whole
    /// history.
    async fn assert_consistent(&self, point: &str, store: Process) {
        let proofs = self.data.run_command(&["replay", "proofs", "--patience", "20s"]).await;
        assert_eq!(proofs.code, Some(0), "killed at {point}:\n{}", proofs.stdout);
        assert_ledger_matches_revenue(&self.data, &store).await;
        event_log::assert_orders_published_each_transition_once(&self.data).await;
        store.stop().await;
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

pub(crate) fn payment(token: &str) -> Value {
    json!({ "payment_token": token, "email": "ada@example.com" })
}

async fn a_killed_checkout_is_completed_or_undone(engine: Engine) {
    for point in [
        "placed",
        "before-reserve",
        "after-reserve",
        "before-authorize",
        "after-authorize",
        "confirmed",
        "before-ship",
        "after-ship",
        "before-capture",
        "after-capture",
        "finished",
    ] {
        let shop = ShopFixture::new(engine).await;
        let prepare =
            async |shop: &ShopFixture, client: &Client| (shop.cart_checkout_path(client).await, payment("tok_visa"));
        let (status, order, store) = shop.kill_at_point(point, prepare).await;
        match status {
            201 => assert_eq!(order["status"], "confirmed", "{point}: {order}"),
            // The sweep resumed the saga before the repeat arrived, and no money was held.
            409 => assert_eq!(order["code"], "checkout-interrupted", "{point}: {order}"),
            _ => panic!("{point}: {status} {order}"),
        }
        shop.assert_consistent(point, store).await;
    }
}

async fn a_killed_declined_checkout_is_undone(engine: Engine) {
    for point in ["before-release", "after-release"] {
        let shop = ShopFixture::new(engine).await;
        let prepare = async |shop: &ShopFixture, client: &Client| {
            (shop.cart_checkout_path(client).await, payment("tok_declined"))
        };
        let (status, problem, store) = shop.kill_at_point(point, prepare).await;
        assert_eq!(
            (status, &problem["code"]),
            (402, &json!("payment-declined")),
            "{point}: {problem}"
        );
        shop.assert_consistent(point, store).await;
    }
}

/// Buys a cart and returns the path of the order.
async fn buy(shop: &ShopFixture, client: &Client) -> String {
    let checkout = shop.cart_checkout_path(client).await;
    let order = client.json("POST", &checkout, &payment("tok_visa")).await.expect(201);
    format!("/api/v1/orders/{}", text(&order["id"]))
}

/// The named points of a return saga.
const RETURN_POINTS: [&str; 6] = [
    "return-decided",
    "before-refund-1",
    "after-refund-1",
    "before-restock-1",
    "after-restock-1",
    "finished",
];

async fn a_killed_cancellation_is_completed(engine: Engine) {
    for point in RETURN_POINTS {
        let shop = ShopFixture::new(engine).await;
        let prepare =
            async |shop: &ShopFixture, client: &Client| (format!("{}/cancel", buy(shop, client).await), Value::Null);
        let (status, order, store) = shop.kill_at_point(point, prepare).await;
        assert_eq!(
            (status, &order["status"]),
            (200, &json!("cancelled")),
            "{point}: {order}"
        );
        assert_eq!(order["refunded"]["amount"], "5.00", "{point}");
        shop.assert_consistent(point, store).await;
    }
}

async fn a_killed_return_is_completed(engine: Engine) {
    for point in RETURN_POINTS {
        let shop = ShopFixture::new(engine).await;
        let prepare = async |shop: &ShopFixture, client: &Client| {
            let body = json!({ "lines": [{ "line": 1, "quantity": 1 }] });
            (format!("{}/returns", buy(shop, client).await), body)
        };
        let (status, order, store) = shop.kill_at_point(point, prepare).await;
        assert_eq!(
            (status, &order["status"]),
            (200, &json!("confirmed")),
            "{point}: {order}"
        );
        assert_eq!(order["refunded"]["amount"], "2.50", "{point}");
        shop.assert_consistent(point, store).await;
    }
}
