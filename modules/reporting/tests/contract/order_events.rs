//! Builders of order events and report queries, and shortcuts to deliver events and to run queries.

use offshoot_contract::{CallContext, Money, Timestamp};
use offshoot_outbox::{Delivered, Projection, Rejection};
use orders_api::OrderId;
use orders_api::v1::{OrderLineSnapshot, OrderSnapshot, OrderStatus, OrdersEvent};
use reporting::OrdersProjection;
use reporting_api::v1::{Dimension, Measure, Question, Report, Row};

use crate::T;

pub(crate) const ALL_MEASURES: [Measure; 5] = [
    Measure::Orders,
    Measure::Units,
    Measure::Gross,
    Measure::Refunded,
    Measure::Net,
];

pub(crate) fn pounds(amount: &str) -> Money {
    Money::parse(amount, Money::GBP).unwrap()
}

/// A line of `quantity` units for `total` pounds, of which `returned` units came back.
pub(crate) fn line(sku: &str, quantity: i64, returned: i64, total: &str) -> OrderLineSnapshot {
    OrderLineSnapshot {
        product_id: None,
        sku: sku.to_owned(),
        quantity,
        returned,
        line_total: pounds(total),
    }
}

/// A confirmed order placed at this time.
pub(crate) fn order(placed_at: &str, country: &str, lines: Vec<OrderLineSnapshot>) -> OrderSnapshot {
    let placed_at: Timestamp = placed_at.parse().unwrap();
    let total = lines.iter().map(|line| line.line_total.ten_thousandths()).sum();
    OrderSnapshot {
        order_id: OrderId::new(placed_at),
        status: OrderStatus::Confirmed,
        number: None,
        customer: "ada@example.com".to_owned(),
        country: country.to_owned(),
        total: Money::new(total, Money::GBP),
        refunded: pounds("0"),
        lines,
        placed_at,
        at: placed_at,
    }
}

pub(crate) fn with_status(order: &OrderSnapshot, status: OrderStatus) -> OrderSnapshot {
    OrderSnapshot {
        status,
        ..order.clone()
    }
}

/// The event with which the orders module publishes this state of the order.
fn event(order: OrderSnapshot) -> OrdersEvent {
    match order.status {
        OrderStatus::Pending => OrdersEvent::Placed(order),
        OrderStatus::Confirmed => OrdersEvent::Confirmed(order),
        OrderStatus::Failed => OrdersEvent::Failed(order),
        OrderStatus::Cancelled => OrdersEvent::Cancelled(order),
    }
}

/// Delivers events for these orders at these log positions, in one transaction.
pub(crate) async fn deliver(t: &T, orders: Vec<(i64, OrderSnapshot)>) -> Result<(), Rejection> {
    let delivered = orders.into_iter().map(|(position, order)| Delivered {
        at: order.at,
        event: event(order),
        position,
    });
    let delivered: Vec<_> = delivered.collect();
    let mut cx = CallContext::root("test");
    let mut tx = t.db.begin(&mut cx).await?;
    OrdersProjection.apply(&mut tx, &delivered).await?;
    Ok(tx.commit_part().await?)
}

/// Delivers two confirmed orders, a cancelled, a failed and a pending order, and an invoice with a credit note.
pub(crate) async fn deliver_sample_orders(t: &T) {
    let paris = order(
        "2011-01-31T23:59:59Z",
        "France",
        vec![line("A", 3, 1, "7.65"), line("B", 2, 0, "2.00")],
    );
    let lyon = order("2011-02-01T00:00:00Z", "France", vec![line("A", 1, 0, "2.55")]);
    let cork = order("2011-02-03T12:00:00Z", "EIRE", vec![line("B", 4, 4, "4.00")]);
    let failed = order("2011-02-04T12:00:00Z", "EIRE", vec![line("A", 9, 0, "22.95")]);
    let invoice = OrderSnapshot {
        number: Some("536365".to_owned()),
        ..order(
            "2010-12-01T08:26:00Z",
            "United Kingdom",
            vec![line("A", 10, 0, "25.50"), line("POST", 1, 0, "6.70")],
        )
    };
    let credit = OrderSnapshot {
        number: Some("C536379".to_owned()),
        ..order(
            "2011-01-15T09:00:00Z",
            "United Kingdom",
            vec![line("A", -2, 0, "-5.10")],
        )
    };
    let orders = vec![
        (1, paris),
        (2, lyon),
        (3, with_status(&cork, OrderStatus::Cancelled)),
        (4, with_status(&failed, OrderStatus::Failed)),
        (5, with_status(&pending_order(), OrderStatus::Pending)),
        (6, invoice),
        (7, credit),
    ];
    deliver(t, orders).await.unwrap();
}

fn pending_order() -> OrderSnapshot {
    order("2011-02-05T12:00:00Z", "France", vec![line("B", 1, 0, "1.00")])
}

/// A query grouped by `dimensions`: all measures in pounds, without filters.
pub(crate) fn by(dimensions: &[Dimension]) -> Question {
    Question {
        dimensions: dimensions.to_vec(),
        measures: ALL_MEASURES.to_vec(),
        currency: Money::GBP,
        from: None,
        to: None,
        country: None,
        sku: None,
        status: None,
        sort_by: None,
        descending: false,
        limit: None,
    }
}

pub(crate) async fn query(t: &T, question: Question) -> Report {
    t.api.query(&mut t.cx(), question).await.unwrap()
}

/// The dimensions, then orders, units, gross, refunded and net, as one text.
pub(crate) fn format_row(row: &Row) -> String {
    let money = |amount: Option<Money>| amount.map(Money::amount).unwrap();
    let dimensions = [&row.month, &row.country, &row.product];
    let mut parts: Vec<String> = dimensions.into_iter().flatten().cloned().collect();
    parts.extend(row.status.map(|status| status.to_string()));
    parts.push(format!(
        "{} {} {} {} {}",
        row.orders.unwrap(),
        row.units.unwrap(),
        money(row.gross),
        money(row.refunded),
        money(row.net)
    ));
    parts.join(" | ")
}

pub(crate) async fn rows(t: &T, question: Question) -> Vec<String> {
    query(t, question).await.rows.iter().map(format_row).collect()
}
