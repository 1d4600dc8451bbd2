//! Searching products and filling carts, before and after a restart.

use std::collections::BTreeSet;

use offshoot_tests::{Shopper, Store};
use serde_json::{Value, json};

in_every_placement! {
    a_search_finds_products_that_contain_every_word,
    pagination_shows_every_product_once,
    a_cart_totals_its_lines,
    a_cart_shows_current_prices,
    carts_and_products_survive_a_restart,
}

async fn a_search_finds_products_that_contain_every_word(store: Store) -> Store {
    let operator = store.operator();
    operator.add_product("L-1", "Red paper lantern", "2.55").await;
    operator.add_product("L-2", "Red tin lantern", "3.10").await;
    operator.add_product("T-1", "Red tin", "1.00").await;

    let shopper = store.shopper();
    assert_eq!(
        skus(&shopper.browse("q=LANTERN+red").await),
        ["L-2", "L-1"],
        "the shorter name comes first"
    );
    assert_eq!(skus(&shopper.browse("q=tin").await), ["T-1", "L-2"]);
    assert_eq!(skus(&shopper.browse("q=L-1").await), ["L-1"]);
    assert!(skus(&shopper.browse("q=paper+tin").await).is_empty());
    assert_eq!(skus(&shopper.browse("category=garden").await).len(), 3);
    assert!(skus(&shopper.browse("category=kitchen").await).is_empty());
    store
}

async fn pagination_shows_every_product_once(store: Store) -> Store {
    let operator = store.operator();
    let mut added = BTreeSet::new();
    for number in 0..23 {
        let sku = format!("P-{number:02}");
        operator
            .add_product(&sku, &format!("Plate number {number}"), "0.85")
            .await;
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

async fn a_cart_totals_its_lines(store: Store) -> Store {
    let operator = store.operator();
    let lantern = operator.add_product("LANTERN", "Red lantern", "2.55").await;
    let candle = operator.add_product("CANDLE", "Tea light", "0.125").await;

    let shopper = store.shopper();
    let cart = shopper.create_cart().await;
    assert_eq!(shopper.cart(&cart).await["total"], pounds("0.00"));
    shopper.set_quantity(&cart, &candle, 3).await;
    shopper.set_quantity(&cart, &lantern, 5).await;
    let filled = shopper.set_quantity(&cart, &lantern, 2).await;
    assert_eq!(filled, shopper.cart(&cart).await, "a change returns the changed cart");
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
        let remaining = shopper.remove_line(&cart, &candle).await;
        assert_eq!(
            remaining["total"],
            pounds("5.10"),
            "removing a missing line changes nothing"
        );
    }
    store
}

async fn a_cart_shows_current_prices(store: Store) -> Store {
    let operator = store.operator();
    let lantern = operator.add_product("LANTERN", "Red lantern", "2.55").await;
    let shopper = store.shopper();
    let cart = shopper.create_cart().await;
    assert_eq!(shopper.set_quantity(&cart, &lantern, 2).await["total"], pounds("5.10"));

    operator.set_price(&lantern, "3.00").await;
    assert_eq!(shopper.cart(&cart).await["total"], pounds("6.00"));
    assert_eq!(shopper.product(&lantern).await["price"], pounds("3.00"));
    store
}

async fn carts_and_products_survive_a_restart(store: Store) -> Store {
    let lantern = store.operator().add_product("LANTERN", "Red lantern", "2.55").await;
    let shopper = store.shopper();
    let cart = shopper.create_cart().await;
    let before = (
        shopper.set_quantity(&cart, &lantern, 7).await,
        shopper.product(&lantern).await,
    );

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

/// The SKUs on each page. A nonempty `query` ends with `&`.
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
