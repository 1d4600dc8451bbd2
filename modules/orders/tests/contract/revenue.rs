//! Revenue by month and by country.

use std::time::Duration;

use offshoot_contract::{Money, Timestamp};
use orders_api::v1::{Revenue, RevenueBy, RevenueRow, Sale};

use crate::T;
use crate::fixture::{COUNTRY, checkout, confirmed_order, euros, line, pounds};
use crate::invariants;
use crate::sales::{a_credit_note, an_invoice, record_all};
use crate::stub_payments::DECLINED;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn row(key: &str, gross: Money, credit: Money, sales: u64, credits: u64) -> RevenueRow {
    RevenueRow {
        key: key.to_owned(),
        net: gross.checked_add(credit).unwrap(),
        gross,
        credit,
        sales,
        credits,
    }
}

async fn revenue(t: &T, by: RevenueBy) -> Revenue {
    t.api.revenue(&mut t.cx(), by).await.unwrap()
}

pub(crate) async fn revenue_is_sales_less_credits(t: T) {
    // January: two confirmed orders, a failed order, and a return.
    let first = confirmed_order(&t, &[4]).await;
    let second = confirmed_order(&t, &[2]).await;
    let cart = t.fakes.add_cart(&[(t.fakes.add_product(10), 7)]);
    checkout(&t, cart, DECLINED).await.unwrap_err();
    t.api
        .return_goods(&mut t.cx(), first.id, vec![line(1, 1)])
        .await
        .unwrap();
    // February: a cancellation.
    t.clock.advance(31 * DAY);
    t.api.cancel(&mut t.cx(), second.id).await.unwrap();
    let by_month = revenue(&t, RevenueBy::Month).await;
    assert_eq!(
        by_month.rows,
        [
            row("2026-01", pounds("15.30"), pounds("-2.55"), 2, 1),
            row("2026-02", pounds("0"), pounds("-5.10"), 0, 1),
        ]
    );
    let total = row("total", pounds("15.30"), pounds("-7.65"), 2, 2);
    assert_eq!(by_month.totals, std::slice::from_ref(&total));
    let by_country = revenue(&t, RevenueBy::Country).await;
    assert_eq!(by_country.rows, [row(COUNTRY, pounds("15.30"), pounds("-7.65"), 2, 2)]);
    assert_eq!(by_country.totals, [total]);
    invariants::assert_hold(&t).await;
}

fn at(time: &str, sale: Sale) -> Sale {
    let at: Timestamp = time.parse().unwrap();
    Sale { at, ..sale }
}

pub(crate) async fn months_are_in_utc(t: T) {
    let sales = vec![
        at("2010-12-31T23:59:59.999999Z", an_invoice("1")),
        at("2011-01-01T00:00:00Z", an_invoice("2")),
        at("2011-01-31T23:59:59.999999Z", an_invoice("3")),
        at("2011-02-01T00:30:00+01:00", an_invoice("4")),
        at("2011-02-28T23:59:59.5Z", a_credit_note("C5", -2, pounds("1.00"))),
        at("2012-02-29T12:00:00Z", an_invoice("6")),
    ];
    record_all(&t, sales).await;
    let zero = pounds("0");
    let expected = [
        row("2010-12", pounds("22.00"), zero, 1, 0),
        row("2011-01", pounds("66.00"), zero, 3, 0),
        row("2011-02", zero, pounds("-2.00"), 0, 1),
        row("2012-02", pounds("22.00"), zero, 1, 0),
    ];
    let by_month = revenue(&t, RevenueBy::Month).await;
    assert_eq!(by_month.rows, expected);
    assert_eq!(by_month.totals, [row("total", pounds("110.00"), pounds("-2.00"), 5, 1)]);
}

pub(crate) async fn revenue_has_one_row_per_country_and_currency(t: T) {
    let of = |country: &str, mut sale: Sale, price: Money| {
        sale.country = country.to_owned();
        sale.lines.truncate(1);
        sale.lines[0].unit_price = price;
        sale
    };
    let sales = vec![
        of("France", an_invoice("1"), euros("1.00")),
        of("EIRE", an_invoice("2"), euros("2.00")),
        of("EIRE", an_invoice("3"), pounds("3.00")),
        of("EIRE", a_credit_note("C4", -1, pounds("1.00")), pounds("0.50")),
        of("Österreich", an_invoice("5"), euros("5.00")),
        of("france", an_invoice("6"), pounds("0")),
        // A credit note of zero counts as a credit too.
        of("France", a_credit_note("C7", -1, pounds("1.00")), euros("0")),
    ];
    record_all(&t, sales).await;
    let (no_euros, no_pounds) = (euros("0"), pounds("0"));
    let by_country = revenue(&t, RevenueBy::Country).await;
    assert_eq!(
        by_country.rows,
        [
            row("EIRE", euros("12.00"), no_euros, 1, 0),
            row("EIRE", pounds("18.00"), pounds("-0.50"), 1, 1),
            row("France", euros("6.00"), no_euros, 1, 1),
            row("france", no_pounds, no_pounds, 1, 0),
            row("Österreich", euros("30.00"), no_euros, 1, 0),
        ]
    );
    let totals = [
        row("total", euros("48.00"), no_euros, 3, 1),
        row("total", pounds("18.00"), pounds("-0.50"), 2, 1),
    ];
    assert_eq!(by_country.totals, totals);
    let by_month = revenue(&t, RevenueBy::Month).await;
    assert_eq!(
        by_month.rows,
        [
            row("2010-12", euros("48.00"), no_euros, 3, 1),
            row("2010-12", pounds("18.00"), pounds("-0.50"), 2, 1),
        ]
    );
    assert_eq!(by_month.totals, totals);
}

pub(crate) async fn revenue_without_sales_is_empty(t: T) {
    let nothing = Revenue {
        rows: Vec::new(),
        totals: Vec::new(),
    };
    assert_eq!(revenue(&t, RevenueBy::Month).await, nothing);
    assert_eq!(revenue(&t, RevenueBy::Country).await, nothing);
}
