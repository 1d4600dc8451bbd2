//! Recorded sales and credit notes of other systems.

use std::sync::Arc;
use std::time::Duration;

use catalog_api::ProductId;
use offshoot_contract::{Clock, Money, Timestamp};
use orders_api::OrderId;
use orders_api::v1::{
    MAX_NAME_CHARS, MAX_NUMBER_BYTES, MAX_SALE_LINES, MAX_SALES, Order, OrderLine, OrderStatus, OrdersError, Sale,
    SaleKind, SaleLine, SaleOutcome,
};

use crate::T;
use crate::fixture::{all_orders, euros, pounds, read};

fn sold(sku: &str, quantity: i64, unit_price: Money) -> SaleLine {
    SaleLine {
        product_id: None,
        sku: sku.to_owned(),
        name: format!("PRODUCT {sku}"),
        quantity,
        unit_price,
    }
}

/// An invoice of two lines with a total of 22.00 GBP.
pub(crate) fn an_invoice(number: &str) -> Sale {
    Sale {
        number: number.to_owned(),
        kind: SaleKind::Sale,
        customer: "17850".to_owned(),
        country: "United Kingdom".to_owned(),
        at: "2010-12-01T08:26:00Z".parse().unwrap(),
        lines: vec![sold("85123A", 6, pounds("2.55")), sold("POST", 1, pounds("6.70"))],
    }
}

/// A credit note of one line.
pub(crate) fn a_credit_note(number: &str, quantity: i64, unit_price: Money) -> Sale {
    Sale {
        kind: SaleKind::CreditNote,
        lines: vec![sold("85123A", quantity, unit_price)],
        ..an_invoice(number)
    }
}

pub(crate) async fn record_all(t: &T, sales: Vec<Sale>) -> Vec<SaleOutcome> {
    t.api.record_sales(&mut t.cx(), sales).await.unwrap()
}

/// Records one new sale.
pub(crate) async fn record(t: &T, sale: Sale) -> OrderId {
    match record_all(t, vec![sale]).await.remove(0) {
        SaleOutcome::Recorded { id } => id,
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn sales_are_recorded_unchanged(t: T) {
    let product_id = Some(ProductId::new(t.clock.now()));
    let mut invoice = an_invoice("536365");
    invoice.lines[0].product_id = product_id;
    invoice.lines[1].name = String::new();
    let note = a_credit_note("C536379", -2, pounds("27.50"));
    let [one, other] = record_all(&t, vec![invoice.clone(), note.clone()])
        .await
        .try_into()
        .unwrap();
    let (SaleOutcome::Recorded { id }, SaleOutcome::Recorded { id: credited }) = (one, other) else {
        panic!("not recorded");
    };
    let line = |number, product_id, sold: &SaleLine, line_total: &str| OrderLine {
        number,
        product_id,
        sku: sold.sku.clone(),
        name: sold.name.clone(),
        quantity: sold.quantity,
        returned: 0,
        unit_price: sold.unit_price,
        line_total: pounds(line_total),
    };
    let expected = Order {
        id,
        status: OrderStatus::Confirmed,
        failure: None,
        number: Some("536365".to_owned()),
        cart_id: None,
        customer: "17850".to_owned(),
        country: "United Kingdom".to_owned(),
        lines: vec![
            line(1, product_id, &invoice.lines[0], "15.30"),
            line(2, None, &invoice.lines[1], "6.70"),
        ],
        total: pounds("22.00"),
        refunded: pounds("0"),
        returns: Vec::new(),
        open_steps: Vec::new(),
        placed_at: invoice.at,
        updated_at: t.clock.now(),
    };
    assert_eq!(read(&t, id).await, expected);
    let credit = read(&t, credited).await;
    assert_eq!((credit.total, credit.lines[0].quantity), (pounds("-55.00"), -2));
    assert_eq!(credit.lines[0].line_total, pounds("-55.00"));
    // No stock and no money has moved, and no saga is open.
    assert_eq!(t.fakes.resume().await, 0);
    assert_eq!(t.fakes.inventory.faults.count_calls("reserve"), 0);
    assert_eq!(t.fakes.payments.faults.count_calls("authorize"), 0);
}

pub(crate) async fn a_number_identifies_a_sale(t: T) {
    let id = record(&t, an_invoice("1")).await;
    let known = SaleOutcome::Known { id };
    assert_eq!(
        record_all(&t, vec![an_invoice("1")]).await,
        std::slice::from_ref(&known)
    );
    let mut same_total = an_invoice("1");
    same_total.customer = "somebody else".to_owned();
    assert_eq!(record_all(&t, vec![same_total]).await, [known]);
    let differs = SaleOutcome::Differs { id };
    let mut dearer = an_invoice("1");
    dearer.lines[0].unit_price = pounds("2.56");
    let mut foreign = an_invoice("1");
    for line in &mut foreign.lines {
        line.unit_price = euros(&line.unit_price.amount());
    }
    assert_eq!(record_all(&t, vec![dearer, foreign]).await, [differs.clone(), differs]);
    assert_eq!(read(&t, id).await.customer, "17850");

    // One number appears several times in one call.
    let outcomes = record_all(
        &t,
        vec![an_invoice("2"), an_invoice("2"), a_credit_note("2", -1, pounds("1.00"))],
    )
    .await;
    let SaleOutcome::Recorded { id } = outcomes[0] else {
        panic!("{outcomes:?}");
    };
    assert_eq!(outcomes[1..], [SaleOutcome::Known { id }, SaleOutcome::Differs { id }]);
    assert_eq!(read(&t, id).await.lines.len(), 2);
    assert_eq!(all_orders(&t).await.len(), 2);
}

pub(crate) async fn invalid_sales_are_rejected_one_by_one(t: T) {
    let invalid = |change: &dyn Fn(&mut Sale)| {
        let mut sale = an_invoice("bad");
        change(&mut sale);
        sale
    };
    let long = |count: usize| "ü".repeat(count);
    let now = t.clock.now();
    let cases: Vec<(&str, Sale)> = vec![
        ("number", invalid(&|sale| sale.number = String::new())),
        ("number", invalid(&|sale| sale.number = "a b".to_owned())),
        ("number", invalid(&|sale| sale.number = "ü".to_owned())),
        (
            "number",
            invalid(&|sale| sale.number = "x".repeat(MAX_NUMBER_BYTES + 1)),
        ),
        ("customer", invalid(&|sale| sale.customer = long(MAX_NAME_CHARS + 1))),
        ("customer", invalid(&|sale| sale.customer = "a\0b".to_owned())),
        ("country", invalid(&|sale| sale.country = String::new())),
        ("country", invalid(&|sale| sale.country = long(MAX_NAME_CHARS + 1))),
        ("at", invalid(&|sale| sale.at = now.plus(Duration::from_micros(1)))),
        ("lines", invalid(&|sale| sale.lines.clear())),
        ("lines[1].sku", invalid(&|sale| sale.lines[1].sku = String::new())),
        ("lines[1].sku", invalid(&|sale| sale.lines[1].sku = "x".repeat(65))),
        ("lines[1].sku", invalid(&|sale| sale.lines[1].sku = "\0".to_owned())),
        ("lines[0].name", invalid(&|sale| sale.lines[0].name = long(201))),
        ("lines[0].name", invalid(&|sale| sale.lines[0].name = "a\0".to_owned())),
        ("lines[0].quantity", invalid(&|sale| sale.lines[0].quantity = 0)),
        ("lines[0].quantity", invalid(&|sale| sale.lines[0].quantity = -1)),
        ("lines[0].quantity", invalid(&|sale| sale.lines[0].quantity = 1_000_001)),
        ("lines[0].quantity", invalid(&|sale| sale.lines[0].quantity = i64::MIN)),
        ("lines[0].quantity", invalid(&|sale| sale.kind = SaleKind::CreditNote)),
        (
            "lines[1].unit_price",
            invalid(&|sale| sale.lines[1].unit_price = pounds("-0.01")),
        ),
        (
            "lines[1].unit_price",
            invalid(&|sale| sale.lines[1].unit_price = euros("1.00")),
        ),
        (
            "lines[0].unit_price",
            invalid(&|sale| sale.lines[0].unit_price = Money::new(i64::MAX, Money::GBP)),
        ),
    ];
    let (fields, mut sales): (Vec<_>, Vec<_>) = cases.into_iter().unzip();
    // The valid sale of the same call is recorded.
    sales.push(an_invoice("good"));
    let mut outcomes = record_all(&t, sales).await;
    assert!(matches!(outcomes.pop(), Some(SaleOutcome::Recorded { .. })));
    let rejected: Vec<_> = outcomes
        .into_iter()
        .map(|outcome| match outcome {
            SaleOutcome::Rejected { field, .. } => field,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(rejected, fields);
    assert_eq!(all_orders(&t).await.len(), 1);
}

pub(crate) async fn sales_at_the_limits_are_recorded(t: T) {
    let (long, now) = (|count: usize| "ü".repeat(count), t.clock.now());
    let mut longest = an_invoice(&"x".repeat(MAX_NUMBER_BYTES));
    longest.customer = long(MAX_NAME_CHARS);
    longest.country = long(MAX_NAME_CHARS);
    longest.at = now;
    longest.lines[0].sku = "x".repeat(64);
    longest.lines[0].name = long(200);
    longest.lines[0].quantity = 1_000_000;
    longest.lines[1].unit_price = pounds("0");
    let id = record(&t, longest.clone()).await;
    assert_eq!(read(&t, id).await.total, pounds("2550000.00"));
    let mut oldest = an_invoice("oldest");
    oldest.at = Timestamp::from_micros(-1_000_000).unwrap();
    let id = record(&t, oldest.clone()).await;
    assert_eq!(read(&t, id).await.placed_at, oldest.at);
}

pub(crate) async fn concurrent_calls_record_each_sale_once(t: T) {
    let numbers: Vec<_> = (0..60).map(|number| number.to_string()).collect();
    let tasks = (0..6).map(|task: usize| {
        let (api, mut cx) = (Arc::clone(&t.once), t.cx());
        let mut sales: Vec<_> = numbers.iter().map(|number| an_invoice(number)).collect();
        // Each call has another sequence of sales.
        sales.rotate_left(task * 7);
        if task % 2 == 1 {
            sales.reverse();
        }
        tokio::spawn(async move { api.record_sales(&mut cx, sales).await })
    });
    let mut recorded = 0;
    for task in tasks.collect::<Vec<_>>() {
        for outcome in task.await.unwrap().unwrap() {
            match outcome {
                SaleOutcome::Recorded { .. } => recorded += 1,
                SaleOutcome::Known { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!(recorded, numbers.len());
    let orders = all_orders(&t).await;
    assert_eq!(orders.len(), numbers.len());
    assert!(orders.iter().all(|order| order.lines.len() == 2));
}

pub(crate) async fn too_many_sales_or_lines_are_refused(t: T) {
    assert_eq!(record_all(&t, Vec::new()).await, []);
    let sales: Vec<_> = (0..=MAX_SALES).map(|number| an_invoice(&number.to_string())).collect();
    let refused = t.api.record_sales(&mut t.cx(), sales.clone()).await;
    let too_many = |what: &str, given: usize, limit: usize| OrdersError::TooManyItems {
        what: what.to_owned(),
        given: u32::try_from(given).unwrap(),
        limit: u32::try_from(limit).unwrap(),
    };
    assert_eq!(refused, Err(too_many("sales", MAX_SALES + 1, MAX_SALES)));
    let mut long = an_invoice("long");
    long.lines = vec![sold("A", 1, pounds("0.01")); MAX_SALE_LINES + 1];
    let refused = t.api.record_sales(&mut t.cx(), vec![long.clone()]).await;
    assert_eq!(refused, Err(too_many("lines", MAX_SALE_LINES + 1, MAX_SALE_LINES)));
    assert_eq!(all_orders(&t).await, []);

    let outcomes = record_all(&t, sales[..MAX_SALES].to_vec()).await;
    let recorded = |outcome: &SaleOutcome| matches!(outcome, SaleOutcome::Recorded { .. });
    assert!(outcomes.len() == MAX_SALES && outcomes.iter().all(recorded));
    long.lines.pop();
    let id = record(&t, long).await;
    let order = read(&t, id).await;
    assert_eq!((order.lines.len(), order.total), (MAX_SALE_LINES, pounds("50.00")));
}
