//! A store that is killed with `kill -9` at each named point of a checkout, a cancellation and a return. After the next
//! start the request is repeated under its key, nothing stays open, and every proof holds.

use offshoot_tests::{Client, Data, Engine, Process};
use serde_json::{Value, json};

use super::replaying::ledger_agrees;
use crate::crash::told;

on_both_engines! {
    during_a_checkout,
    during_a_checkout_that_is_declined,
    during_a_cancellation,
    during_a_return,
}

const KEY: &str = "the-same-for-ever";
/// So that what was broken off is taken up soon.
const QUICK: [(&str, &str); 2] = [
    ("OFFSHOOT__ORDERS__LEASE", "1s"),
    ("OFFSHOOT__ORDERS__SWEEP_EVERY", "100ms"),
];

/// A store with one product of which there are ten.
pub(crate) struct Shop {
    pub(crate) data: Data,
    product: String,
}

impl Shop {
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

    /// The path of a new cart's checkout.
    pub(crate) async fn filled_cart(&self, client: &Client) -> String {
        let cart = client.send(client.request("POST", "/api/v1/carts")).await.expect(201);
        let path = format!("/api/v1/carts/{}", text(&cart["id"]));
        let lines = json!({ "lines": [{ "product_id": self.product, "quantity": 2 }] });
        client.json("PUT", &format!("{path}/lines"), &lines).await.expect(200);
        format!("{path}/checkout")
    }

    /// Kills the store when it reaches `point` in the request that `prepare` makes, starts it again and repeats the
    /// request; answers what came.
    async fn kill_at(
        &self,
        point: &str,
        prepare: impl AsyncFn(&Self, &Client) -> (String, Value),
    ) -> (u16, Value, Process) {
        let mut environment = QUICK.to_vec();
        environment.push(("OFFSHOOT_HALT_AT", point));
        // What comes before the request must not halt.
        let store = self.data.serve_with(&QUICK, &[]).await;
        let (path, body) = prepare(self, &Client::new(store.url())).await;
        store.stop().await;
        let store = self.data.serve_with(&environment, &[]).await;
        let client = Client::new(store.url());
        let request = client
            .request("POST", &path)
            .header("idempotency-key", KEY)
            .json(&body)
            .send();
        let request = tokio::spawn(request);
        store.logged(&format!("halted at {point}")).await;
        store.kill().await;
        request.abort();

        let store = self.data.serve_with(&QUICK, &[]).await;
        let client = Client::new(store.url());
        let again = client.request("POST", &path).header("idempotency-key", KEY).json(&body);
        let answer = client.send(again).await;
        let body = serde_json::from_str(&answer.text).unwrap_or(Value::Null);
        (answer.status, body, store)
    }

    /// Nothing is open, the provider's books agree, every proof holds, and the order has told how it came to where it is.
    async fn is_sound(&self, point: &str, store: Process) {
        let proofs = self.data.run(&["replay", "proofs", "--patience", "20s"]).await;
        assert_eq!(proofs.code, Some(0), "killed at {point}:\n{}", proofs.stdout);
        ledger_agrees(&self.data, &store).await;
        told::orders_told_of_each_turn_once(&self.data).await;
        store.stop().await;
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

pub(crate) fn payment(token: &str) -> Value {
    json!({ "payment_token": token, "email": "ada@example.com" })
}

async fn during_a_checkout(engine: Engine) {
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
        let shop = Shop::new(engine).await;
        let prepare = async |shop: &Shop, client: &Client| (shop.filled_cart(client).await, payment("tok_visa"));
        let (status, order, store) = shop.kill_at(point, prepare).await;
        match status {
            201 => assert_eq!(order["status"], "confirmed", "{point}: {order}"),
            // It was taken up before the repeat came, and no money was held.
            409 => assert_eq!(order["code"], "checkout-interrupted", "{point}: {order}"),
            _ => panic!("{point}: {status} {order}"),
        }
        shop.is_sound(point, store).await;
    }
}

async fn during_a_checkout_that_is_declined(engine: Engine) {
    for point in ["before-release", "after-release"] {
        let shop = Shop::new(engine).await;
        let prepare = async |shop: &Shop, client: &Client| (shop.filled_cart(client).await, payment("tok_declined"));
        let (status, problem, store) = shop.kill_at(point, prepare).await;
        assert_eq!(
            (status, &problem["code"]),
            (402, &json!("payment-declined")),
            "{point}: {problem}"
        );
        shop.is_sound(point, store).await;
    }
}

/// The path of an order that was just bought.
async fn bought(shop: &Shop, client: &Client) -> String {
    let checkout = shop.filled_cart(client).await;
    let order = client.json("POST", &checkout, &payment("tok_visa")).await.expect(201);
    format!("/api/v1/orders/{}", text(&order["id"]))
}

/// The points of goods that come back.
const BACK: [&str; 6] = [
    "taken-back",
    "before-refund-1",
    "after-refund-1",
    "before-restock-1",
    "after-restock-1",
    "finished",
];

async fn during_a_cancellation(engine: Engine) {
    for point in BACK {
        let shop = Shop::new(engine).await;
        let prepare =
            async |shop: &Shop, client: &Client| (format!("{}/cancel", bought(shop, client).await), Value::Null);
        let (status, order, store) = shop.kill_at(point, prepare).await;
        assert_eq!(
            (status, &order["status"]),
            (200, &json!("cancelled")),
            "{point}: {order}"
        );
        assert_eq!(order["refunded"]["amount"], "5.00", "{point}");
        shop.is_sound(point, store).await;
    }
}

async fn during_a_return(engine: Engine) {
    for point in BACK {
        let shop = Shop::new(engine).await;
        let prepare = async |shop: &Shop, client: &Client| {
            let body = json!({ "lines": [{ "line": 1, "quantity": 1 }] });
            (format!("{}/returns", bought(shop, client).await), body)
        };
        let (status, order, store) = shop.kill_at(point, prepare).await;
        assert_eq!(
            (status, &order["status"]),
            (200, &json!("confirmed")),
            "{point}: {order}"
        );
        assert_eq!(order["refunded"]["amount"], "2.50", "{point}");
        shop.is_sound(point, store).await;
    }
}
