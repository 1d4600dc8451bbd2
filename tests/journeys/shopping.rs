//! From a search to a cart with its total, and what of it is there after a restart.

use std::collections::BTreeSet;

use offshoot_tests::{Shopper, Store};
use serde_json::{Value, json};

everywhere! {
    a_search_finds_what_has_all_its_words,
    the_pages_together_show_every_product_once,
    a_cart_goes_from_creation_to_its_total,
    a_cart_shows_the_prices_of_the_moment,
    everything_is_there_after_a_restart,
}

async fn a_search_finds_what_has_all_its_words(store: Store) -> Store {
    let operator = store.operator();
    operator.add("L-1", "Red paper lantern", "2.55").await;
    operator.add("L-2", "Red tin lantern", "3.10").await;
    operator.add("T-1", "Red tin", "1.00").await;

    let shopper = store.shopper();
    assert_eq!(
        skus(&shopper.browse("q=LANTERN+red").await),
        ["L-2", "L-1"],
        "the shorter name first"
    );
    assert_eq!(skus(&shopper.browse("q=tin").await), ["T-1", "L-2"]);
    assert_eq!(skus(&shopper.browse("q=L-1").await), ["L-1"]);
    assert!(skus(&shopper.browse("q=paper+tin").await).is_empty());
    assert_eq!(skus(&shopper.browse("category=garden").await).len(), 3);
    assert!(skus(&shopper.browse("category=kitchen").await).is_empty());
    store
}

async fn the_pages_together_show_every_product_once(store: Store) -> Store {
    let operator = store.operator();
    let mut added = BTreeSet::new();
    for number in 0..23 {
        let sku = format!("P-{number:02}");
        operator.add(&sku, &format!("Plate number {number}"), "0.85").await;
        added.insert(sku);
    }

    let shopper = store.shopper();
    for query in ["", "q=plate&"] {
        let pages = all_pages(&shopper, query, 10).await;
        assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [10, 10, 3]);
        let seen: Vec<String> = pages.concat();
        assert_eq!(seen.iter().cloned().collect::<BTreeSet<_>>(), added);
    }
    store
}

async fn a_cart_goes_from_creation_to_its_total(store: Store) -> Store {
    let operator = store.operator();
    let lantern = operator.add("LANTERN", "Red lantern", "2.55").await;
    let candle = operator.add("CANDLE", "Tea light", "0.125").await;

    let shopper = store.shopper();
    let cart = shopper.take_cart().await;
    assert_eq!(shopper.cart(&cart).await["total"], pounds("0.00"));
    shopper.put(&cart, &candle, 3).await;
    shopper.put(&cart, &lantern, 5).await;
    let filled = shopper.put(&cart, &lantern, 2).await;
    assert_eq!(
        filled,
        shopper.cart(&cart).await,
        "a change answers the cart as it then is"
    );
    assert_eq!(filled["total"], pounds("5.475"));
    let lines = filled["lines"].as_array().expect("a cart has lines");
    assert_eq!(
        lines.iter().map(|line| &line["sku"]).collect::<Vec<_>>(),
        ["CANDLE", "LANTERN"]
    );
    assert_eq!(lines[1]["product_id"], lantern);
    assert_eq!(lines[1]["name"], "Red lantern");
    assert_eq!(lines[1]["quantity"], 2);
    assert_eq!(lines[1]["unit_price"], pounds("2.55"));
    assert_eq!(lines[1]["line_total"], pounds("5.10"));

    for _ in 0..2 {
        let left = shopper.take_out(&cart, &candle).await;
        assert_eq!(
            left["total"],
            pounds("5.10"),
            "taking out what is not there changes nothing"
        );
    }
    store
}

async fn a_cart_shows_the_prices_of_the_moment(store: Store) -> Store {
    let operator = store.operator();
    let lantern = operator.add("LANTERN", "Red lantern", "2.55").await;
    let shopper = store.shopper();
    let cart = shopper.take_cart().await;
    assert_eq!(shopper.put(&cart, &lantern, 2).await["total"], pounds("5.10"));

    operator.reprice(&lantern, "3.00").await;
    assert_eq!(shopper.cart(&cart).await["total"], pounds("6.00"));
    assert_eq!(shopper.product(&lantern).await["price"], pounds("3.00"));
    store
}

async fn everything_is_there_after_a_restart(store: Store) -> Store {
    let lantern = store.operator().add("LANTERN", "Red lantern", "2.55").await;
    let shopper = store.shopper();
    let cart = shopper.take_cart().await;
    let before = (shopper.put(&cart, &lantern, 7).await, shopper.product(&lantern).await);

    let store = store.restart().await;
    let shopper = store.shopper();
    assert_eq!((shopper.cart(&cart).await, shopper.product(&lantern).await), before);
    store
}

fn skus(page: &Value) -> Vec<String> {
    let items = page["items"].as_array().expect("a page has items");
    items
        .iter()
        .map(|item| item["sku"].as_str().expect("a product has a SKU").to_owned())
        .collect()
}

/// The SKUs on each page. `query` ends with `&` unless it is empty.
async fn all_pages(shopper: &Shopper, query: &str, page_size: usize) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut rest = String::new();
    loop {
        let page = shopper.browse(&format!("{query}page_size={page_size}{rest}")).await;
        pages.push(skus(&page));
        match page["next_page_token"].as_str() {
            Some(token) => rest = format!("&page_token={token}"),
            None => return pages,
        }
    }
}

fn pounds(amount: &str) -> Value {
    json!({ "amount": amount, "currency": "GBP" })
}
