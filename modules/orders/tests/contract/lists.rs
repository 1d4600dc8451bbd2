//! Lists of orders.

use std::time::Duration;

use offshoot_contract::Page;
use orders_api::v1::{Order, OrdersError, RevenueBy};
use payments_api::v1::PaymentToken;

use crate::T;
use crate::sales::{an_invoice, record};
use crate::shop::{EMAIL, all, bought, read};
use crate::stub_payments::GOOD;

async fn listed(t: &T, customer: Option<&str>, size: Option<u32>, token: Option<String>) -> Page<Order> {
    let customer = customer.map(str::to_owned);
    t.api.orders(&mut t.cx(), customer, size, token).await.unwrap()
}

pub(crate) async fn show_the_newest_first(t: T) {
    assert_eq!(all(&t).await, []);
    let mut orders = Vec::new();
    for quantities in [&[1][..], &[2, 3], &[4]] {
        t.clock.advance(Duration::from_secs(1));
        orders.insert(0, bought(&t, quantities).await);
    }
    // A sale stands where it was made, not where it was recorded.
    let old = record(&t, an_invoice("536365")).await;
    orders.push(read(&t, old).await);
    t.api.cancel(&mut t.cx(), orders[1].id).await.unwrap();
    orders[1] = read(&t, orders[1].id).await;
    assert_eq!(all(&t).await, orders);
}

pub(crate) async fn of_a_customer_show_no_other(t: T) {
    let first = bought(&t, &[1]).await;
    t.clock.advance(Duration::from_secs(1));
    let cart = t.world.cart(&[(t.world.sells(1), 1)]);
    let (email, token) = ("grace@example.com".to_owned(), PaymentToken::new(GOOD));
    let other = t.api.checkout(&mut t.cx(), cart, email, None, token).await.unwrap();
    let sold = record(&t, an_invoice("536365")).await;
    let sold = read(&t, sold).await;
    for (customer, orders) in [
        (EMAIL, vec![first]),
        ("grace@example.com", vec![other]),
        ("17850", vec![sold]),
        ("GRACE@example.com", vec![]),
        ("", vec![]),
        ("\0", vec![]),
        ("'; DROP TABLE orders; --", vec![]),
    ] {
        assert_eq!(
            listed(&t, Some(customer), None, None).await.items,
            orders,
            "{customer:?}"
        );
    }
    let mut anonymous = an_invoice("536366");
    anonymous.customer = String::new();
    let anonymous = record(&t, anonymous).await;
    let nobodys = listed(&t, Some(""), None, None).await.items;
    assert_eq!(nobodys, [read(&t, anonymous).await]);
}

pub(crate) async fn are_walked_page_by_page(t: T) {
    for number in 0..25 {
        let mut sale = an_invoice(&format!("{number}"));
        // Some at the same moment.
        sale.at = sale.at.plus(Duration::from_secs(number / 3));
        sale.customer = if number % 2 == 0 { "even" } else { "odd" }.to_owned();
        record(&t, sale).await;
    }
    for (customer, count) in [(None, 25), (Some("even"), 13), (Some("odd"), 12)] {
        for size in [1, 4, 12, 13, 25, 100] {
            let mut walked = Vec::new();
            let mut token = None;
            loop {
                let page = listed(&t, customer, Some(size), token).await;
                assert!(page.items.len() <= size as usize);
                walked.extend(page.items.into_iter().map(|order| (order.id, order.customer)));
                token = page.next_page_token;
                if token.is_none() {
                    break;
                }
            }
            assert_eq!(walked.len(), count, "{customer:?} by {size}");
            assert!(walked.windows(2).all(|pair| pair[0].0 > pair[1].0));
            assert!(customer.is_none_or(|name| walked.iter().all(|(_, customer)| customer == name)));
        }
    }
    assert_eq!(listed(&t, None, None, None).await.items.len(), 20);
    assert_eq!(listed(&t, None, Some(0), None).await.items.len(), 1);
    let revenue = t.api.revenue(&mut t.cx(), RevenueBy::Country).await.unwrap();
    assert_eq!(revenue.rows[0].sales, 25);
}

pub(crate) async fn take_their_own_tokens_only(t: T) {
    for number in ["1", "2", "3"] {
        record(&t, an_invoice(number)).await;
    }
    let all = listed(&t, None, Some(1), None).await.next_page_token.unwrap();
    let own = listed(&t, Some("17850"), Some(1), None).await.next_page_token.unwrap();
    let mut damaged = all.clone();
    damaged.replace_range(..1, if all.starts_with('0') { "1" } else { "0" });
    let bad = |customer: Option<&str>, token: &str| {
        let (customer, token) = (customer.map(str::to_owned), Some(token.to_owned()));
        let (api, mut cx) = (std::sync::Arc::clone(&t.api), t.cx());
        async move { api.orders(&mut cx, customer, None, token).await }
    };
    for token in ["", "x", "00", &damaged, &own] {
        assert_eq!(bad(None, token).await, Err(OrdersError::BadPageToken), "{token:?}");
    }
    for customer in ["17850", "", "of"] {
        assert_eq!(
            bad(Some(customer), &all).await,
            Err(OrdersError::BadPageToken),
            "{customer:?}"
        );
    }
    assert_eq!(bad(Some("17851"), &own).await, Err(OrdersError::BadPageToken));
    assert_eq!(bad(Some("17850"), &own).await.unwrap().items.len(), 2);
}
