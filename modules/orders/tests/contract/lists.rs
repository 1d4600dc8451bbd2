//! Lists of orders: sequence, filter and pages.

use std::time::Duration;

use offshoot_contract::Page;
use orders_api::v1::{Order, OrdersError, RevenueBy};
use payments_api::v1::PaymentToken;

use crate::T;
use crate::fixture::{EMAIL, all_orders, confirmed_order, read};
use crate::sales::{an_invoice, record};
use crate::stub_payments::GOOD;

async fn list_page(t: &T, customer: Option<&str>, size: Option<u32>, token: Option<String>) -> Page<Order> {
    let customer = customer.map(str::to_owned);
    t.api.orders(&mut t.cx(), customer, size, token).await.unwrap()
}

pub(crate) async fn the_newest_order_comes_first(t: T) {
    assert_eq!(all_orders(&t).await, []);
    let mut orders = Vec::new();
    for quantities in [&[1][..], &[2, 3], &[4]] {
        t.clock.advance(Duration::from_secs(1));
        orders.insert(0, confirmed_order(&t, quantities).await);
    }
    // A recorded sale is sorted by the time of the sale, not by the time of the recording.
    let old = record(&t, an_invoice("536365")).await;
    orders.push(read(&t, old).await);
    t.api.cancel(&mut t.cx(), orders[1].id).await.unwrap();
    orders[1] = read(&t, orders[1].id).await;
    assert_eq!(all_orders(&t).await, orders);
}

pub(crate) async fn a_customer_filter_hides_other_orders(t: T) {
    let first = confirmed_order(&t, &[1]).await;
    t.clock.advance(Duration::from_secs(1));
    let cart = t.fakes.add_cart(&[(t.fakes.add_product(1), 1)]);
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
            list_page(&t, Some(customer), None, None).await.items,
            orders,
            "{customer:?}"
        );
    }
    let mut anonymous = an_invoice("536366");
    anonymous.customer = String::new();
    let anonymous = record(&t, anonymous).await;
    let without_customer = list_page(&t, Some(""), None, None).await.items;
    assert_eq!(without_customer, [read(&t, anonymous).await]);
}

pub(crate) async fn pages_cover_every_order_once(t: T) {
    for number in 0..25 {
        let mut sale = an_invoice(&format!("{number}"));
        // Some sales have the same time.
        sale.at = sale.at.plus(Duration::from_secs(number / 3));
        sale.customer = if number % 2 == 0 { "even" } else { "odd" }.to_owned();
        record(&t, sale).await;
    }
    for (customer, count) in [(None, 25), (Some("even"), 13), (Some("odd"), 12)] {
        for size in [1, 4, 12, 13, 25, 100] {
            let mut walked = Vec::new();
            let mut token = None;
            loop {
                let page = list_page(&t, customer, Some(size), token).await;
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
    assert_eq!(list_page(&t, None, None, None).await.items.len(), 20);
    assert_eq!(list_page(&t, None, Some(0), None).await.items.len(), 1);
    let revenue = t.api.revenue(&mut t.cx(), RevenueBy::Country).await.unwrap();
    assert_eq!(revenue.rows[0].sales, 25);
}

pub(crate) async fn a_list_accepts_only_its_own_page_tokens(t: T) {
    for number in ["1", "2", "3"] {
        record(&t, an_invoice(number)).await;
    }
    let all = list_page(&t, None, Some(1), None).await.next_page_token.unwrap();
    let own = list_page(&t, Some("17850"), Some(1), None)
        .await
        .next_page_token
        .unwrap();
    let mut damaged = all.clone();
    damaged.replace_range(..1, if all.starts_with('0') { "1" } else { "0" });
    let list_with_token = |customer: Option<&str>, token: &str| {
        let (customer, token) = (customer.map(str::to_owned), Some(token.to_owned()));
        let (api, mut cx) = (std::sync::Arc::clone(&t.api), t.cx());
        async move { api.orders(&mut cx, customer, None, token).await }
    };
    for token in ["", "x", "00", &damaged, &own] {
        assert_eq!(
            list_with_token(None, token).await,
            Err(OrdersError::BadPageToken),
            "{token:?}"
        );
    }
    for customer in ["17850", "", "of"] {
        assert_eq!(
            list_with_token(Some(customer), &all).await,
            Err(OrdersError::BadPageToken),
            "{customer:?}"
        );
    }
    assert_eq!(
        list_with_token(Some("17851"), &own).await,
        Err(OrdersError::BadPageToken)
    );
    assert_eq!(list_with_token(Some("17850"), &own).await.unwrap().items.len(), 2);
}
