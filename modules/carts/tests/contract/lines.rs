//! Adding, changing and removing single lines of a cart.

use std::collections::BTreeSet;
use std::time::Duration;

use carts_api::v1::{Cart, CartId, CartsError, MAX_LINES, MAX_QUANTITY, ProductId};
use catalog_api::v1::ProductStatus;
use offshoot_contract::{Clock, Currency, Money};

use crate::T;
use crate::stub_catalog::{euros, pounds};

/// Number of concurrent calls while a cart is filled.
const CONCURRENT_CALLS: u32 = 20;

pub(crate) async fn a_cart(t: &T) -> CartId {
    t.api.create(&mut t.cx(), Money::GBP).await.unwrap().id
}

pub(crate) async fn set(t: &T, cart: CartId, product: ProductId, quantity: u32) {
    t.api.set_quantity(&mut t.cx(), cart, product, quantity).await.unwrap();
}

pub(crate) async fn read(t: &T, cart: CartId) -> Cart {
    t.api.cart(&mut t.cx(), cart).await.unwrap()
}

fn skus_and_quantities(cart: &Cart) -> Vec<(&str, u32)> {
    cart.lines
        .iter()
        .map(|line| (line.sku.as_str(), line.quantity))
        .collect()
}

fn unknown_cart_id() -> CartId {
    CartId::new("2010-12-01T08:26:00Z".parse().unwrap())
}

pub(crate) async fn a_new_cart_is_empty(t: T) {
    let eur: Currency = "EUR".parse().unwrap();
    for currency in [Money::GBP, eur] {
        let cart = t.api.create(&mut t.cx(), currency).await.unwrap();
        assert_eq!(cart.lines, []);
        assert_eq!(cart.total, Money::new(0, currency));
        assert_eq!(cart.created_at, t.clock.now());
        assert_eq!(
            cart.expires_at,
            t.clock.now().plus(Duration::from_secs(7 * 24 * 60 * 60))
        );
        assert_eq!(read(&t, cart.id).await, cart);
    }
}

pub(crate) async fn keep_the_order_in_which_they_were_first_set(t: T) {
    let [a, b, c] = ["A", "B", "C"].map(|sku| t.fakes.sells(sku, pounds("2.55")));
    let cart = a_cart(&t).await;
    for (product, quantity) in [(c, 1), (a, 2), (b, 3), (c, 4)] {
        set(&t, cart, product, quantity).await;
    }
    let cart = read(&t, cart).await;
    assert_eq!(skus_and_quantities(&cart), [("C", 4), ("A", 2), ("B", 3)]);
    let first = &cart.lines[0];
    assert_eq!(
        (first.product_id, first.name.as_str(), first.status),
        (c, "PRODUCT C", ProductStatus::Active)
    );
    assert_eq!((first.unit_price, first.line_total), (pounds("2.55"), pounds("10.20")));
    assert_eq!(cart.total, pounds("22.95"));
}

pub(crate) async fn have_the_quantity_last_set(t: T) {
    let product = t.fakes.sells("A", pounds("0.001"));
    let [cart, other] = [a_cart(&t).await, a_cart(&t).await];
    for quantity in [1, 80_995, 5] {
        set(&t, cart, product, quantity).await;
        assert_eq!(skus_and_quantities(&read(&t, cart).await), [("A", quantity)]);
    }
    assert_eq!(read(&t, other).await.lines, []);
}

pub(crate) async fn can_be_removed_and_added_again_at_the_end(t: T) {
    let [a, b, c] = ["A", "B", "C"].map(|sku| t.fakes.sells(sku, pounds("1.00")));
    let cart = a_cart(&t).await;
    for product in [a, b] {
        set(&t, cart, product, 1).await;
    }
    t.api.remove(&mut t.cx(), cart, a).await.unwrap();
    t.api.remove(&mut t.cx(), cart, c).await.unwrap();
    assert_eq!(skus_and_quantities(&read(&t, cart).await), [("B", 1)]);
    set(&t, cart, a, 2).await;
    assert_eq!(skus_and_quantities(&read(&t, cart).await), [("B", 1), ("A", 2)]);
}

pub(crate) async fn accept_quantities_up_to_the_limit(t: T) {
    let product = t.fakes.sells("A", pounds("1.00"));
    let cart = a_cart(&t).await;
    for quantity in [0, MAX_QUANTITY + 1, u32::MAX] {
        let refused = t.api.set_quantity(&mut t.cx(), cart, product, quantity).await;
        let limit = MAX_QUANTITY;
        assert_eq!(refused, Err(CartsError::InvalidQuantity { quantity, limit }));
    }
    assert_eq!(read(&t, cart).await.lines, []);
    set(&t, cart, product, MAX_QUANTITY).await;
    assert_eq!(read(&t, cart).await.total, pounds("100000.00"));
}

pub(crate) async fn accept_only_active_products_in_the_currency_of_the_cart(t: T) {
    let ended = t.fakes.sells("A", pounds("1.00"));
    t.fakes.discontinues(ended);
    let foreign = t.fakes.sells("B", euros("1.00"));
    let unknown = t.fakes.sells("C", pounds("1.00"));
    t.fakes.deletes(unknown);
    let cart = a_cart(&t).await;
    let before = read(&t, cart).await;
    t.clock.advance(Duration::from_secs(1));
    let refused = [
        (ended, CartsError::NotForSale { id: ended }),
        (
            foreign,
            CartsError::OtherCurrency {
                id: foreign,
                price: "EUR".parse().unwrap(),
                cart: Money::GBP,
            },
        ),
        (unknown, CartsError::UnknownProduct { id: unknown }),
    ];
    for (product, error) in refused {
        assert_eq!(t.api.set_quantity(&mut t.cx(), cart, product, 1).await, Err(error));
    }
    // Rejected calls do not extend the lifetime of the cart.
    assert_eq!(read(&t, cart).await, before);
}

pub(crate) async fn need_an_existing_cart(t: T) {
    let product = t.fakes.sells("A", pounds("1.00"));
    let id = unknown_cart_id();
    let unknown = CartsError::UnknownCart { id };
    assert_eq!(t.api.cart(&mut t.cx(), id).await, Err(unknown.clone()));
    assert_eq!(
        t.api.set_quantity(&mut t.cx(), id, product, 1).await,
        Err(unknown.clone())
    );
    assert_eq!(t.api.remove(&mut t.cx(), id, product).await, Err(unknown));
}

pub(crate) async fn of_a_full_cart_can_be_changed_but_not_added(t: T) {
    let cart = a_cart(&t).await;
    let products: Vec<_> = (0..=MAX_LINES)
        .map(|n| t.fakes.sells(&format!("{n:04}"), pounds("0.01")))
        .collect();
    let (last, fitting) = products.split_last().unwrap();
    for products in fitting.chunks(CONCURRENT_CALLS as usize) {
        set_concurrently(&t, cart, products.iter().map(|product| (*product, 1))).await;
    }
    let refused = t.api.set_quantity(&mut t.cx(), cart, *last, 1).await;
    let limit = MAX_LINES;
    assert_eq!(refused, Err(CartsError::TooManyLines { id: cart, limit }));

    set(&t, cart, fitting[0], 2).await;
    t.api.remove(&mut t.cx(), cart, fitting[1]).await.unwrap();
    set(&t, cart, *last, 3).await;
    // The cart has more lines than one catalog call returns products.
    let full = read(&t, cart).await;
    assert_eq!(full.lines.len(), MAX_LINES as usize);
    assert_eq!(full.total, pounds("15.03"));
    assert_eq!(full.lines.last().map(|line| line.product_id), Some(*last));
}

pub(crate) async fn set_concurrently_are_all_stored(t: T) {
    let products: Vec<_> = (0..CONCURRENT_CALLS)
        .map(|n| t.fakes.sells(&format!("{n:02}"), pounds("1.00")))
        .collect();
    let cart = a_cart(&t).await;
    set_concurrently(&t, cart, products.iter().map(|product| (*product, 1))).await;
    let first = read(&t, cart).await;
    let there: BTreeSet<_> = first.lines.iter().map(|line| line.product_id).collect();
    assert_eq!(there, products.into_iter().collect());
    assert_eq!(first.lines.len(), CONCURRENT_CALLS as usize);
    assert_eq!(read(&t, cart).await, first);
}

pub(crate) async fn of_one_product_set_concurrently_become_one_line(t: T) {
    let product = t.fakes.sells("A", pounds("1.00"));
    let cart = a_cart(&t).await;
    set_concurrently(&t, cart, (1..=CONCURRENT_CALLS).map(|quantity| (product, quantity))).await;
    let lines = read(&t, cart).await.lines;
    assert_eq!(lines.len(), 1);
    assert!((1..=CONCURRENT_CALLS).contains(&lines[0].quantity));
}

async fn set_concurrently(t: &T, cart: CartId, lines: impl Iterator<Item = (ProductId, u32)>) {
    let setting = lines.map(|(product, quantity)| {
        let (api, mut cx) = (t.once.clone(), t.cx());
        tokio::spawn(async move { api.set_quantity(&mut cx, cart, product, quantity).await })
    });
    for task in setting.collect::<Vec<_>>() {
        task.await.unwrap().unwrap();
    }
}
