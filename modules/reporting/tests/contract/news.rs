//! What the orders announce, as the copy gets it, and the questions that are asked of it.

use offshoot_contract::{CallContext, Money, Timestamp};
use offshoot_outbox::{Delivered, Projection, Rejection};
use orders_api::OrderId;
use orders_api::v1::{LineNews, OrderNews, OrderStatus, OrdersEvent};
use reporting::CopyOfOrders;
use reporting_api::v1::{Dimension, Measure, Question, Report, Row};

use crate::T;

pub(crate) const ALL: [Measure; 5] = [
    Measure::Orders,
    Measure::Units,
    Measure::Gross,
    Measure::Refunded,
    Measure::Net,
];

pub(crate) fn pounds(amount: &str) -> Money {
    Money::parse(amount, Money::GBP).unwrap()
}

/// Of `quantity` units for `total` pounds, of which so many came back.
pub(crate) fn line(sku: &str, quantity: i64, returned: i64, total: &str) -> LineNews {
    LineNews {
        product_id: None,
        sku: sku.to_owned(),
        quantity,
        returned,
        line_total: pounds(total),
    }
}

/// A confirmed order of this time.
pub(crate) fn order(placed_at: &str, country: &str, lines: Vec<LineNews>) -> OrderNews {
    let placed_at: Timestamp = placed_at.parse().unwrap();
    let total = lines.iter().map(|line| line.line_total.ten_thousandths()).sum();
    OrderNews {
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

pub(crate) fn with_status(order: &OrderNews, status: OrderStatus) -> OrderNews {
    OrderNews {
        status,
        ..order.clone()
    }
}

/// The event that tells of it.
fn event(order: OrderNews) -> OrdersEvent {
    match order.status {
        OrderStatus::Pending => OrdersEvent::Placed(order),
        OrderStatus::Confirmed => OrdersEvent::Confirmed(order),
        OrderStatus::Failed => OrdersEvent::Failed(order),
        OrderStatus::Cancelled => OrdersEvent::Cancelled(order),
    }
}

/// These orders at these positions, in one transaction.
pub(crate) async fn hear(t: &T, news: Vec<(i64, OrderNews)>) -> Result<(), Rejection> {
    let delivered = news.into_iter().map(|(position, order)| Delivered {
        at: order.at,
        event: event(order),
        position,
    });
    let delivered: Vec<_> = delivered.collect();
    let mut cx = CallContext::root("test");
    let mut tx = t.db.begin(&mut cx).await?;
    CopyOfOrders.apply(&mut tx, &delivered).await?;
    Ok(tx.commit_part().await?)
}

/// Three orders, one of them cancelled, one that failed and one that is pending; an invoice and its credit note.
pub(crate) async fn a_store(t: &T) {
    let paris = order(
        "2011-01-31T23:59:59Z",
        "France",
        vec![line("A", 3, 1, "7.65"), line("B", 2, 0, "2.00")],
    );
    let lyon = order("2011-02-01T00:00:00Z", "France", vec![line("A", 1, 0, "2.55")]);
    let cork = order("2011-02-03T12:00:00Z", "EIRE", vec![line("B", 4, 4, "4.00")]);
    let nowhere = order("2011-02-04T12:00:00Z", "EIRE", vec![line("A", 9, 0, "22.95")]);
    let invoice = OrderNews {
        number: Some("536365".to_owned()),
        ..order(
            "2010-12-01T08:26:00Z",
            "United Kingdom",
            vec![line("A", 10, 0, "25.50"), line("POST", 1, 0, "6.70")],
        )
    };
    let credit = OrderNews {
        number: Some("C536379".to_owned()),
        ..order(
            "2011-01-15T09:00:00Z",
            "United Kingdom",
            vec![line("A", -2, 0, "-5.10")],
        )
    };
    let news = vec![
        (1, paris),
        (2, lyon),
        (3, with_status(&cork, OrderStatus::Cancelled)),
        (4, with_status(&nowhere, OrderStatus::Failed)),
        (5, with_status(&nowhere_else(), OrderStatus::Pending)),
        (6, invoice),
        (7, credit),
    ];
    hear(t, news).await.unwrap();
}

fn nowhere_else() -> OrderNews {
    order("2011-02-05T12:00:00Z", "France", vec![line("B", 1, 0, "1.00")])
}

/// For all measures in pounds, of all orders.
pub(crate) fn by(dimensions: &[Dimension]) -> Question {
    Question {
        dimensions: dimensions.to_vec(),
        measures: ALL.to_vec(),
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

pub(crate) async fn ask(t: &T, question: Question) -> Report {
    t.api.query(&mut t.cx(), question).await.unwrap()
}

/// Orders, units, gross, refunded and net, in one line after the dimensions.
pub(crate) fn shown(row: &Row) -> String {
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
    ask(t, question).await.rows.iter().map(shown).collect()
}
