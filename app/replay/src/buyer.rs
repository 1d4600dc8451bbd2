//! A buyer buys a basket, pays with one of several cards, and may cancel or return. Knows only the public API.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use http::Method;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};

use offshoot_contract::fnv1a;
use orders_api::OrderId;

use super::baskets::Basket;
use super::public_client::{Answer, PublicClient};

/// Buyers of a thousand with a declined card.
const DECLINED: u32 = 30;
/// Buyers of a thousand with a card for which the provider fails once.
const FAILING_ONCE: u32 = 10;
/// Buyers of a thousand with a card for which the provider answers too late.
const TIMING_OUT: u32 = 2;
/// Cancelled orders of a thousand confirmed orders.
const CANCELLED: u32 = 20;
/// Partly returned orders of a thousand confirmed orders.
const RETURNED: u32 = 30;

/// A buyer. The seed and the invoice decide all random choices.
pub(super) struct Buyer {
    store: Arc<PublicClient>,
    seed: u64,
    run: String,
    /// Idempotency keys hold for this client: a second run under the same name is the same client.
    cookie: String,
    latest: LatestOrder,
}

/// The newest order of all buyers of a load, for others who read orders meanwhile.
#[derive(Debug, Clone, Default)]
pub struct LatestOrder(Arc<Mutex<Option<LinkedOrder>>>);

/// An order, and the token that opens it.
#[derive(Debug, Clone)]
pub struct LinkedOrder {
    /// Id of the order.
    pub id: String,
    /// Value of the header `Order-Token`.
    pub link_token: String,
}

impl LatestOrder {
    /// The newest order; `None` before the first.
    #[must_use]
    pub fn get(&self) -> Option<LinkedOrder> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, order: LinkedOrder) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(order);
    }
}

/// Outcome of one basket.
#[derive(Debug)]
pub struct Outcome {
    pub(super) invoice: String,
    pub(super) result: Bought,
    /// Duration of the checkout.
    pub latency: Duration,
    /// Time of the outcome.
    pub at: Instant,
}

/// How a checkout ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Bought {
    /// An order, confirmed or pending, as of the last response.
    Order {
        id: OrderId,
        status: String,
        refunded: String,
    },
    /// No order: the code of the problem, and the failed order if one exists.
    Refused { code: String, order: Option<OrderId> },
}

impl Buyer {
    pub(super) fn new(store: Arc<PublicClient>, seed: u64, run: String, latest: LatestOrder) -> Self {
        let cookie = format!(
            "offshoot-client={:016x}{:016x}",
            fnv1a(&run),
            fnv1a(&format!("client of {run}"))
        );
        Self {
            store,
            seed,
            run,
            cookie,
            latest,
        }
    }

    pub(super) async fn buy(&self, basket: &Basket) -> Result<Outcome> {
        let invoice = &basket.invoice;
        let mut chance = StdRng::seed_from_u64(self.seed ^ fnv1a(invoice));
        let cart = self
            .send(Method::POST, "/carts", (invoice, "cart"), &Value::Null)
            .await?;
        let cart = text(&cart.expect(201).context("cannot create a cart")?, "id")?;
        let lines = basket
            .lines
            .iter()
            .map(|(id, quantity)| json!({ "product_id": id, "quantity": quantity }));
        let lines = json!({ "lines": lines.collect::<Vec<_>>() });
        let filled = self
            .send(Method::PUT, &format!("/carts/{cart}/lines"), (invoice, "lines"), &lines)
            .await?;
        if filled.status != 200 {
            return Ok(refused(invoice, &filled));
        }
        let payment = json!({
            "payment_token": token(&mut chance),
            "email": email(&basket.customer),
            "country": basket.country,
        });
        let path = format!("/carts/{cart}/checkout");
        let answer = self.send(Method::POST, &path, (invoice, "checkout"), &payment).await?;
        let latency = answer.took;
        if !matches!(answer.status, 201 | 202) {
            return Ok(refused(invoice, &answer));
        }
        self.latest.set(LinkedOrder {
            id: text(&answer.body, "id")?,
            link_token: text(&answer.body, "link_token")?,
        });
        let order = self.cancel_or_return(answer.body, invoice, &mut chance).await?;
        let id = text(&order, "id")?;
        Ok(Outcome {
            invoice: invoice.clone(),
            result: Bought::Order {
                id: id.parse().with_context(|| format!("`{id}` is not a valid order id"))?,
                status: text(&order, "status")?,
                refunded: text(&order["refunded"], "amount")?,
            },
            latency,
            at: Instant::now(),
        })
    }

    /// Cancels the order, returns a line, or keeps the order, as `chance` decides. Returns the order afterwards.
    async fn cancel_or_return(&self, order: Value, invoice: &str, chance: &mut StdRng) -> Result<Value> {
        let (id, draw, again) = (
            text(&order, "id")?,
            chance.random_range(0..1_000),
            chance.random::<bool>(),
        );
        if order["status"] != "confirmed" {
            return Ok(order);
        }
        let (path, body) = if draw < CANCELLED {
            (format!("/orders/{id}/cancel"), Value::Null)
        } else if draw < CANCELLED + RETURNED {
            let lines = order["lines"].as_array().map_or(0, Vec::len);
            let line = chance.random_range(0..lines.max(1));
            let units = order["lines"][line]["quantity"].as_u64().unwrap_or(1);
            let lines = json!([{ "line": line + 1, "quantity": chance.random_range(1..=units) }]);
            (format!("/orders/{id}/returns"), json!({ "lines": lines }))
        } else {
            return Ok(order);
        };
        let token = text(&order, "link_token")?;
        let send = || self.send_with(Method::POST, &path, (invoice, "back"), Some(&token), &body);
        let mut answer = send().await?;
        if again {
            let second = send().await?;
            if second.status == answer.status && second.body["refunded"] != answer.body["refunded"] {
                bail!(
                    "the repeat of POST {path} refunded again: first {}, then {}",
                    answer.body,
                    second.body
                );
            }
            answer = second;
        }
        // Without status 200 the order is in flight or has failed meanwhile; the proofs decide.
        Ok(if answer.status == 200 { answer.body } else { order })
    }

    async fn send(&self, method: Method, path: &str, step: (&str, &str), body: &Value) -> Result<Answer> {
        self.send_with(method, path, step, None, body).await
    }

    /// Sends a request with the token of the order's link.
    async fn send_with(
        &self,
        method: Method,
        path: &str,
        (invoice, step): (&str, &str),
        token: Option<&str>,
        body: &Value,
    ) -> Result<Answer> {
        let key = format!("{}-{invoice}-{step}", self.run);
        let headers = [("idempotency-key", key.as_str()), ("cookie", self.cookie.as_str())];
        let token = token.map(|token| ("order-token", token));
        let headers: Vec<_> = headers.into_iter().chain(token).collect();
        self.store.send(method, path, &headers, body).await
    }
}

impl Answer {
    fn expect(self, status: u16) -> Result<Value> {
        if self.status == status {
            return Ok(self.body);
        }
        bail!("the store answered {} instead of {status}: {}", self.status, self.body)
    }
}

fn refused(invoice: &str, answer: &Answer) -> Outcome {
    let order = answer.body["order_id"].as_str().and_then(|id| id.parse().ok());
    let code = answer.body["code"].as_str().unwrap_or("no-code").to_owned();
    Outcome {
        invoice: invoice.to_owned(),
        result: Bought::Refused { code, order },
        latency: answer.took,
        at: Instant::now(),
    }
}

fn token(chance: &mut StdRng) -> &'static str {
    let draw = chance.random_range(0..1_000);
    if draw < DECLINED {
        "tok_declined"
    } else if draw < DECLINED + FAILING_ONCE {
        "tok_fail_once"
    } else if draw < DECLINED + FAILING_ONCE + TIMING_OUT {
        "tok_timeout"
    } else {
        "tok_visa"
    }
}

/// Email address of a customer. The file has customer numbers and no addresses.
fn email(customer: &str) -> String {
    let name = if customer.is_empty() { "somebody" } else { customer };
    format!("{name}@example.com")
}

fn text(value: &Value, field: &str) -> Result<String> {
    let text = value[field].as_str();
    text.map(str::to_owned)
        .with_context(|| format!("the response of the store has no `{field}`: {value}"))
}
