//! Tests of the proofs on a consistent store with one planted fault.

use carts_api::CartId;
use inventory_api::v1::{Balance, ReservedLine, Stock};
use offshoot_contract::Timestamp;
use orders_api::v1::{OrderLine, Return, ReturnedLine, Revenue, RevenueRow};

use super::*;

fn time() -> Timestamp {
    Timestamp::from_micros(0).expect("a time")
}

fn pounds(units: i64) -> Money {
    Money::new(units * 10_000, Money::GBP)
}

/// Three units at two pounds, one of them returned.
fn order(id: OrderId, product_id: ProductId) -> Order {
    let line = OrderLine {
        number: 1,
        product_id: Some(product_id),
        sku: "A".to_owned(),
        name: "A".to_owned(),
        quantity: 3,
        returned: 1,
        unit_price: pounds(2),
        line_total: pounds(6),
    };
    let back = Return {
        number: 1,
        lines: vec![ReturnedLine { line: 1, quantity: 1 }],
        refund: pounds(2),
        cancellation: false,
        at: time(),
    };
    Order {
        id,
        status: OrderStatus::Confirmed,
        failure: None,
        number: None,
        cart_id: Some(CartId::new(time())),
        customer: "a@b".to_owned(),
        country: "EIRE".to_owned(),
        lines: vec![line],
        total: pounds(6),
        refunded: pounds(2),
        returns: vec![back],
        open_steps: Vec::new(),
        placed_at: time(),
        updated_at: time(),
    }
}

/// The balance after ten units were received and the order of [`order`] was shipped and partly returned.
fn balance(product_id: ProductId) -> Balance {
    Balance {
        stock: Stock {
            product_id,
            on_hand: 8,
            reserved: 0,
            available: 8,
        },
        received: 10,
        adjusted: 0,
        sold: -3,
        returned: 1,
        held: 0,
    }
}

/// A store with one order.
fn facts() -> Facts {
    let (id, product_id) = (OrderId::new(time()), ProductId::new(time()));
    let reservation = Reservation {
        reference: format!("{id}.reserve"),
        lines: vec![ReservedLine {
            product_id,
            quantity: 3,
        }],
        state: ReservationState::Committed,
        expires_at: time(),
    };
    let payment = Payment {
        reference: format!("{id}.authorize"),
        status: PaymentStatus::Captured,
        amount: pounds(6),
        captured: pounds(6),
        refunded: pounds(2),
        decline_reason: None,
        created_at: time(),
        updated_at: time(),
    };
    let total = RevenueRow {
        key: "total".to_owned(),
        net: pounds(4),
        gross: pounds(6),
        credit: pounds(-2),
        sales: 1,
        credits: 1,
    };
    Facts {
        orders: vec![order(id, product_id)],
        balances: vec![balance(product_id)],
        reservations: vec![reservation],
        payments: vec![payment],
        revenue: Revenue {
            rows: Vec::new(),
            totals: vec![total],
        },
    }
}

/// The claims that fail after `change`.
fn broken_by(change: impl FnOnce(&mut Facts)) -> Vec<&'static str> {
    let mut facts = facts();
    change(&mut facts);
    let proofs = all(&facts, None);
    proofs
        .iter()
        .filter(|proof| !proof.holds())
        .map(|proof| proof.claim)
        .collect()
}

#[track_caller]
fn finds(claim: &str, change: impl FnOnce(&mut Facts)) {
    let broken = broken_by(change);
    assert!(broken.iter().any(|broken| broken.contains(claim)), "{broken:?}");
}

#[test]
fn every_proof_holds_over_a_consistent_store() {
    assert_eq!(broken_by(|_| {}), [""; 0]);
}

#[test]
fn a_double_refund_is_found() {
    finds("captured money", |facts| facts.payments[0].refunded = pounds(4));
}

#[test]
fn a_double_return_to_stock_is_found() {
    finds("stock equals its movements", |facts| {
        facts.balances[0].returned = 2;
        facts.balances[0].stock.on_hand = 9;
    });
}

#[test]
fn a_ledger_that_differs_from_the_stock_is_found() {
    finds("stock equals its movements", |facts| {
        facts.balances[0].stock.on_hand = 7;
    });
}

#[test]
fn a_charge_without_goods_is_found() {
    finds("left exactly once", |facts| facts.reservations.clear());
    finds("left exactly once", |facts| {
        facts.reservations[0].state = ReservationState::Expired;
    });
}

#[test]
fn goods_without_a_charge_are_found() {
    finds("captured money", |facts| facts.payments.clear());
    finds("captured money", |facts| {
        facts.payments[0].status = PaymentStatus::Authorized;
        facts.payments[0].captured = pounds(0);
        facts.payments[0].refunded = pounds(0);
    });
}

#[test]
fn a_charge_for_an_order_that_failed_is_found() {
    finds("captured money", |facts| {
        facts.orders[0].status = OrderStatus::Failed;
    });
}

#[test]
fn stock_or_money_held_for_an_ended_order_is_found() {
    finds("held for an ended or unknown order", |facts| {
        facts.reservations[0].state = ReservationState::Held;
    });
    finds("held for an ended or unknown order", |facts| {
        let reference = format!("{}.authorize", OrderId::new(time()));
        let status = PaymentStatus::Authorized;
        let captured = pounds(0);
        facts.payments.push(Payment {
            reference,
            status,
            captured,
            ..facts.payments[0].clone()
        });
    });
}

#[test]
fn a_charge_without_an_order_is_found() {
    finds("captured money", |facts| {
        let reference = format!("{}.authorize", OrderId::new(time()));
        facts.payments.push(Payment {
            reference,
            ..facts.payments[0].clone()
        });
    });
}

#[test]
fn an_order_that_is_not_final_is_found() {
    finds("every order is final", |facts| {
        facts.orders[0].open_steps.push("capture".to_owned());
    });
    finds("every order is final", |facts| {
        facts.orders[0].status = OrderStatus::Pending;
    });
}

#[test]
fn a_cart_that_was_ordered_twice_is_found() {
    finds("no cart was ordered twice", |facts| {
        let id = OrderId::new(time());
        facts.orders.push(Order {
            id,
            ..facts.orders[0].clone()
        });
    });
}

#[test]
fn a_revenue_report_that_differs_from_the_orders_is_found() {
    finds("revenue report", |facts| facts.revenue.totals[0].net = pounds(5));
    finds("revenue report", |facts| facts.revenue.totals.clear());
}

#[test]
fn a_lost_order_and_an_order_given_to_two_buyers_are_found() {
    let facts = facts();
    let told = |id| Outcome {
        invoice: "536365".to_owned(),
        result: Bought::Order {
            id,
            status: "confirmed".to_owned(),
            refunded: "2.00".to_owned(),
        },
        latency: std::time::Duration::ZERO,
        at: std::time::Instant::now(),
    };
    let there = facts.orders[0].id;
    for (outcomes, good) in [
        (vec![told(there)], true),
        (vec![told(OrderId::new(time()))], false),
        (vec![told(there), told(there)], false),
    ] {
        assert_eq!(all(&facts, Some(&outcomes))[0].holds(), good);
    }
}
