//! Tests of `record_prices`.

use std::time::Duration;

use catalog_api::v1::{CatalogError, MAX_BULK_ITEMS, PriceChange, PriceOutcome, Product, ProductId};
use offshoot_contract::{Clock, Timestamp};

use crate::T;
use crate::builders::{NewProductExt, a_product, add_product, at, pounds};

fn change(sku: &str, amount: &str, since: Timestamp) -> PriceChange {
    PriceChange {
        sku: sku.to_owned(),
        price: pounds(amount),
        since,
    }
}

/// Amounts and start times, newest first.
async fn history(t: &T, id: ProductId) -> Vec<(String, Timestamp)> {
    let page = t.api.price_history(&mut t.cx(), id, Some(100), None).await.unwrap();
    page.items
        .into_iter()
        .map(|point| (point.price.amount(), point.since))
        .collect()
}

async fn record(t: &T, prices: Vec<PriceChange>) {
    let count = prices.len();
    let outcomes = t.api.record_prices(&mut t.cx(), prices).await.unwrap();
    assert_eq!(outcomes, vec![PriceOutcome::Recorded; count]);
}

pub(crate) async fn the_latest_start_time_sets_the_current_price(t: T) {
    let before = add_product(&t, a_product("A").priced("1.00").priced_since(at("10:00"))).await;
    t.clock.advance(Duration::from_secs(1));

    record(&t, vec![change("A", "9.00", at("09:00"))]).await;
    assert_eq!(t.api.product(&mut t.cx(), before.id).await.as_ref(), Ok(&before));

    record(
        &t,
        vec![change("A", "3.00", at("12:00")), change("A", "2.00", at("11:00"))],
    )
    .await;
    let expected = Product {
        price: pounds("3.00"),
        version: 2,
        updated_at: t.clock.now(),
        ..before.clone()
    };
    assert_eq!(t.api.product(&mut t.cx(), before.id).await.as_ref(), Ok(&expected));

    // The same price with a later start time does not change the product, but later records are compared with that
    // time.
    record(&t, vec![change("A", "3.00", at("14:00"))]).await;
    record(&t, vec![change("A", "4.00", at("13:00"))]).await;
    assert_eq!(t.api.product(&mut t.cx(), before.id).await, Ok(expected));
    let amounts: Vec<_> = history(&t, before.id)
        .await
        .into_iter()
        .map(|(amount, _)| amount)
        .collect();
    assert_eq!(amounts, ["3.00", "4.00", "3.00", "2.00", "1.00", "9.00"]);
}

pub(crate) async fn one_price_per_product_and_start_time(t: T) {
    let id = add_product(&t, a_product("A").priced("1.00").priced_since(at("10:00")))
        .await
        .id;
    record(&t, vec![change("A", "2.00", at("10:00"))]).await;
    assert_eq!(t.api.product(&mut t.cx(), id).await.unwrap().price, pounds("2.00"));
    let twice = vec![change("A", "3.00", at("10:00")), change("A", "4.00", at("10:00"))];
    record(&t, twice).await;
    let product = t.api.product(&mut t.cx(), id).await.unwrap();
    assert_eq!((product.price, product.version), (pounds("4.00"), 3));
    assert_eq!(history(&t, id).await, [("4.00".to_owned(), at("10:00"))]);

    t.clock.advance(Duration::from_secs(1));
    t.api.reprice(&mut t.cx(), id, pounds("5.00")).await.unwrap();
    record(&t, vec![change("A", "6.00", at("10:00"))]).await;
    assert_eq!(t.api.product(&mut t.cx(), id).await.unwrap().price, pounds("5.00"));
    assert_eq!(
        history(&t, id).await,
        [("5.00".to_owned(), t.clock.now()), ("6.00".to_owned(), at("10:00"))]
    );
}

pub(crate) async fn returns_an_outcome_per_item_in_order(t: T) {
    add_product(&t, a_product("A")).await;
    let now = t.clock.now();
    let future = now.plus(Duration::from_micros(1));
    let given = vec![
        change("B", "1.00", now),
        change("A", "1.00", now),
        change("a", "1.00", now),
        change("A", "0.00", now),
        change("A", "1.00", future),
        change("A\0", "1.00", now),
        change("A", "1.00", now),
    ];
    let outcomes = t.api.record_prices(&mut t.cx(), given).await.unwrap();
    let words: Vec<&str> = outcomes
        .iter()
        .map(|outcome| match outcome {
            PriceOutcome::Recorded => "recorded",
            PriceOutcome::UnknownSku => "unknown",
            PriceOutcome::Rejected { field, .. } => field,
        })
        .collect();
    assert_eq!(
        words,
        ["unknown", "recorded", "unknown", "price", "since", "sku", "recorded"]
    );
    assert_eq!(t.api.record_prices(&mut t.cx(), Vec::new()).await, Ok(Vec::new()));
}

pub(crate) async fn accepts_at_most_a_thousand_items(t: T) {
    let id = add_product(&t, a_product("A").priced_since(at("00:00"))).await.id;
    let prices = |count: usize| -> Vec<PriceChange> {
        let since = |n| at("08:26").plus(Duration::from_secs(n as u64));
        (0..count)
            .map(|n| change("A", &format!("{}.00", n % 100 + 1), since(n)))
            .collect()
    };
    let refused = t.api.record_prices(&mut t.cx(), prices(MAX_BULK_ITEMS + 1)).await;
    assert_eq!(
        refused,
        Err(CatalogError::TooManyItems {
            given: 1_001,
            limit: 1_000
        })
    );
    assert_eq!(history(&t, id).await.len(), 1);
    record(&t, prices(MAX_BULK_ITEMS)).await;
    assert_eq!(t.api.product(&mut t.cx(), id).await.unwrap().price, pounds("100.00"));
}

pub(crate) async fn overlapping_calls_do_not_deadlock(t: T) {
    const PRODUCTS: usize = 50;
    let skus: Vec<String> = (0..PRODUCTS).map(|n| format!("{n:02}")).collect();
    let products = skus
        .iter()
        .map(|sku| a_product(sku).priced_since(at("00:00")))
        .collect();
    t.api.add_many(&mut t.cx(), products).await.unwrap();
    let calls = (1..=6).map(|call| {
        let since = at(&format!("1{call}:00"));
        let mut prices: Vec<_> = skus
            .iter()
            .map(|sku| change(sku, &format!("{call}.00"), since))
            .collect();
        if call % 2 == 1 {
            prices.reverse();
        }
        let (api, mut cx) = (t.once.clone(), t.cx());
        tokio::spawn(async move { api.record_prices(&mut cx, prices).await })
    });
    for call in calls.collect::<Vec<_>>() {
        assert_eq!(call.await.unwrap().unwrap(), vec![PriceOutcome::Recorded; PRODUCTS]);
    }
    // The latest start time sets the price, whatever the order of the calls.
    let page = t.api.browse(&mut t.cx(), None, None, Some(100), None).await.unwrap();
    assert!(page.items.iter().all(|product| product.price == pounds("6.00")));
    assert_eq!(history(&t, page.items[0].id).await.len(), 7);
}
