//! Proofs about a store without changes in flight. Each proof compares the data of two modules, so that no module can hide
//! a mistake of its own. Pure functions over facts.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::Serialize;

use catalog_api::ProductId;
use inventory_api::v1::{Reservation, ReservationState};
use offshoot_contract::Money;
use orders_api::OrderId;
use orders_api::v1::{Order, OrderStatus};
use payments_api::v1::{Payment, PaymentStatus};

use super::buyer::{Bought, Outcome};
use super::facts::Facts;

/// Largest number of examples per proof.
const SHOWN: usize = 20;

/// A claim about the store, with the evidence.
#[derive(Debug, Serialize)]
pub struct Proof {
    /// The claim.
    pub claim: &'static str,
    /// Number of examined items.
    pub checked: u64,
    /// Number of contradictions.
    pub contradictions: u64,
    /// The first 20 contradictions.
    pub examples: Vec<String>,
}

impl Proof {
    fn new(claim: &'static str) -> Self {
        Self {
            claim,
            checked: 0,
            contradictions: 0,
            examples: Vec::new(),
        }
    }

    /// Whether the claim holds.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.contradictions == 0
    }

    fn check(&mut self, is_true: bool, otherwise: impl FnOnce() -> String) {
        self.checked += 1;
        if !is_true {
            self.contradictions += 1;
            if self.examples.len() < SHOWN {
                self.examples.push(otherwise());
            }
        }
    }
}

/// The facts, indexed: orders by origin and id, reservations and payments by reference.
struct Books<'a> {
    online: Vec<&'a Order>,
    imported: Vec<&'a Order>,
    by_id: HashMap<OrderId, &'a Order>,
    reservations: HashMap<&'a str, &'a Reservation>,
    payments: HashMap<&'a str, &'a Payment>,
}

impl<'a> Books<'a> {
    fn from_facts(facts: &'a Facts) -> Self {
        let (online, imported) = facts.orders.iter().partition(|order| order.number.is_none());
        Self {
            online,
            imported,
            by_id: facts.orders.iter().map(|order| (order.id, order)).collect(),
            reservations: facts
                .reservations
                .iter()
                .map(|held| (held.reference.as_str(), held))
                .collect(),
            payments: facts
                .payments
                .iter()
                .map(|payment| (payment.reference.as_str(), payment))
                .collect(),
        }
    }

    fn reservation(&self, order: &Order) -> Option<&'a Reservation> {
        self.reservations.get(format!("{}.reserve", order.id).as_str()).copied()
    }

    fn payment(&self, order: &Order) -> Option<&'a Payment> {
        self.payments.get(format!("{}.authorize", order.id).as_str()).copied()
    }

    /// The order named by a reference of another module.
    fn named(&self, reference: &str) -> Option<&'a Order> {
        let (id, _) = reference.split_once('.')?;
        self.by_id.get(&id.parse().ok()?).copied()
    }
}

/// All proofs. `outcomes`: responses that buyers saw, if known.
pub(super) fn all(facts: &Facts, outcomes: Option<&[Outcome]>) -> Vec<Proof> {
    let books = Books::from_facts(facts);
    let mut proofs = vec![
        orders_are_final(&books),
        goods_left_with_their_orders(&books),
        stock_is_conserved(facts, &books),
        money_is_that_of_the_orders(&books),
        revenue_is_the_sum(facts),
        nothing_is_held_for_an_ended_order(facts, &books),
    ];
    if let Some(outcomes) = outcomes {
        proofs.insert(0, buyers_have_what_they_were_told(&books, outcomes));
    }
    proofs
}

fn buyers_have_what_they_were_told(books: &Books<'_>, outcomes: &[Outcome]) -> Proof {
    let mut proof = Proof::new("every order that a buyer received exists once, as received");
    let mut seen = HashSet::new();
    for Outcome { invoice, result, .. } in outcomes {
        match result {
            Bought::Order { id, status, refunded } => {
                proof.check(seen.insert(*id), || format!("two buyers received {id}"));
                match books.by_id.get(id) {
                    None => proof.check(false, || format!("{id}, of invoice {invoice}, does not exist")),
                    Some(order) => {
                        let is_told = status == "pending"
                            || (order.status.as_str() == status && &order.refunded.amount() == refunded);
                        proof.check(is_told, || {
                            let is = (order.status, order.refunded);
                            format!(
                                "a buyer received {id} as {status} with {refunded} refunded, and the order is {is:?}"
                            )
                        });
                    }
                }
            }
            Bought::Refused { order: Some(id), code } => {
                let failed = books
                    .by_id
                    .get(id)
                    .is_some_and(|order| order.status == OrderStatus::Failed);
                proof.check(failed, || format!("{id} was refused with {code}, but has not failed"));
            }
            Bought::Refused { order: None, .. } => proof.check(true, String::new),
        }
    }
    proof
}

fn orders_are_final(books: &Books<'_>) -> Proof {
    let mut proof = Proof::new("every order is final, and no cart was ordered twice");
    let mut carts = HashMap::new();
    for order in &books.online {
        let is_final = order.open_steps.is_empty() && order.status != OrderStatus::Pending;
        proof.check(is_final, || {
            format!("{} is {} with {:?} in flight", order.id, order.status, order.open_steps)
        });
        if order.status != OrderStatus::Failed
            && let Some(other) = order.cart_id.and_then(|cart| carts.insert(cart, order.id))
        {
            proof.check(false, || format!("{other} and {} come from one cart", order.id));
        }
    }
    proof
}

fn goods_left_with_their_orders(books: &Books<'_>) -> Proof {
    let mut proof = Proof::new("stock left exactly once for each line of an order, and for nothing else");
    for order in &books.online {
        let agreed = matches!(order.status, OrderStatus::Confirmed | OrderStatus::Cancelled);
        let reservation = books.reservation(order);
        let left = reservation.filter(|reservation| reservation.state == ReservationState::Committed);
        if !agreed {
            continue;
        }
        let bought: BTreeMap<_, _> = order
            .lines
            .iter()
            .map(|line| (line.product_id, line.quantity))
            .collect();
        let shipped = left.map(|reservation| {
            let line = |line: &inventory_api::v1::ReservedLine| (Some(line.product_id), i64::from(line.quantity));
            reservation.lines.iter().map(line).collect::<BTreeMap<_, _>>()
        });
        proof.check(shipped.as_ref() == Some(&bought), || {
            format!(
                "{} is {}, and the reservation is {:?}",
                order.id,
                order.status,
                reservation.map(|held| held.state)
            )
        });
    }
    proof
}

/// Compares the stock ledger with orders and imported sales: units sold and returned, by product.
fn stock_is_conserved(facts: &Facts, books: &Books<'_>) -> Proof {
    let mut proof = Proof::new("each product's stock equals its movements, and the movements equal the orders");
    let mut expected: BTreeMap<ProductId, (i64, i64)> = BTreeMap::new();
    for order in &books.imported {
        for line in &order.lines {
            if let Some(id) = line.product_id {
                let (sold, returned) = expected.entry(id).or_default();
                *(if line.quantity > 0 { sold } else { returned }) -= line.quantity;
            }
        }
    }
    for order in &books.online {
        let left = books
            .reservation(order)
            .is_some_and(|held| held.state == ReservationState::Committed);
        for line in &order.lines {
            let Some(id) = line.product_id else { continue };
            let (sold, returned) = expected.entry(id).or_default();
            if left {
                *sold -= line.quantity;
            }
            // Stock of an order that failed after shipping was put back.
            *returned += if left && order.status == OrderStatus::Failed {
                line.quantity
            } else {
                line.returned
            };
        }
    }
    for balance in &facts.balances {
        let id = balance.stock.product_id;
        let there = i64::try_from(balance.stock.on_hand).unwrap_or(i64::MAX);
        let sum = balance.received + balance.adjusted + balance.sold + balance.returned;
        proof.check(there == sum, || {
            format!("{id}: {there} units on hand, {sum} in the ledger")
        });
        let reserved = (balance.stock.reserved, balance.held);
        proof.check(reserved.0 == reserved.1, || {
            format!(
                "{id}: {} units reserved in the stock, {} in the reservations",
                reserved.0, reserved.1
            )
        });
        let expected = expected.remove(&id).unwrap_or_default();
        let ledger = (balance.sold, balance.returned);
        proof.check(ledger == expected, || {
            format!("{id}: sold and returned are {ledger:?} in the ledger and {expected:?} in the orders")
        });
    }
    for (id, expected) in expected {
        proof.check(expected == (0, 0), || {
            format!("{id}: {expected:?} in the orders and nothing in the ledger")
        });
    }
    proof
}

fn money_is_that_of_the_orders(books: &Books<'_>) -> Proof {
    let mut proof = Proof::new("captured money equals the orders' totals less refunds");
    for order in &books.online {
        let payment = books.payment(order);
        let zero = Money::new(0, order.total.currency());
        let is = payment.map_or((zero, zero), |payment| (payment.captured, payment.refunded));
        let agreed = matches!(order.status, OrderStatus::Confirmed | OrderStatus::Cancelled);
        let expected = if agreed {
            (order.total, order.refunded)
        } else {
            (zero, zero)
        };
        let amounts = |(taken, given): (Money, Money)| (taken.ten_thousandths(), given.ten_thousandths());
        proof.check(amounts(is) == amounts(expected), || {
            let (taken, given) = is;
            format!(
                "{} is {}: {taken} captured and {given} refunded instead of {expected:?}",
                order.id, order.status
            )
        });
        let back: i64 = order.returns.iter().map(|back| back.refund.ten_thousandths()).sum();
        proof.check(back == order.refunded.ten_thousandths(), || {
            format!(
                "{}: the returns sum to {}, and the order says {} refunded",
                order.id,
                Money::new(back, order.total.currency()),
                order.refunded
            )
        });
    }
    for payment in books
        .payments
        .values()
        .filter(|payment| payment.captured.ten_thousandths() > 0)
    {
        let known = books.named(&payment.reference).is_some();
        proof.check(known, || {
            format!(
                "{} was captured for {}, which names no order of this store",
                payment.captured, payment.reference
            )
        });
    }
    proof
}

fn revenue_is_the_sum(facts: &Facts) -> Proof {
    let mut proof = Proof::new("the revenue report equals the sum of orders and imported sales");
    let mut sums: BTreeMap<_, i64> = BTreeMap::new();
    for order in &facts.orders {
        if matches!(order.status, OrderStatus::Confirmed | OrderStatus::Cancelled) {
            *sums.entry(order.total.currency()).or_default() +=
                order.total.ten_thousandths() - order.refunded.ten_thousandths();
        }
    }
    for total in &facts.revenue.totals {
        let sum = sums.remove(&total.net.currency()).unwrap_or(0);
        proof.check(total.net.ten_thousandths() == sum, || {
            let sum = Money::new(sum, total.net.currency());
            format!("the report says {}, and the orders sum to {sum}", total.net)
        });
    }
    for (currency, sum) in sums {
        proof.check(sum == 0, || format!("the report lacks {currency}"));
    }
    proof
}

fn nothing_is_held_for_an_ended_order(facts: &Facts, books: &Books<'_>) -> Proof {
    let mut proof = Proof::new("no stock is reserved and no money held for an ended or unknown order");
    let under_way = |reference: &str| {
        books
            .named(reference)
            .is_some_and(|order| order.status == OrderStatus::Pending || !order.open_steps.is_empty())
    };
    for held in &facts.reservations {
        let good = held.state != ReservationState::Held || under_way(&held.reference);
        proof.check(good, || format!("stock is reserved for {}", held.reference));
    }
    for payment in &facts.payments {
        let open = matches!(payment.status, PaymentStatus::Pending | PaymentStatus::Authorized);
        let good = !open || under_way(&payment.reference);
        proof.check(good, || {
            format!(
                "payment {} is {:?}, {}",
                payment.reference, payment.status, payment.amount
            )
        });
    }
    proof
}

#[cfg(test)]
mod tests;
