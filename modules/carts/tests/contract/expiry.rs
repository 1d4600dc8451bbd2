//! Lifetime of carts.

use std::sync::Arc;
use std::time::Duration;

use carts::{Carts, CartsSettings};
use carts_api::v1::{CartId, CartsApi, CartsError};
use offshoot_contract::{Clock, Money};

use crate::T;
use crate::lines::{a_cart, read, set};
use crate::stub_catalog::pounds;

const MICROSECOND: Duration = Duration::from_micros(1);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const WEEK: Duration = Duration::from_secs(7 * 24 * 60 * 60);

async fn is_unknown(t: &T, id: CartId) -> bool {
    match t.api.cart(&mut t.cx(), id).await {
        Err(CartsError::UnknownCart { .. }) => true,
        Err(CartsError::CartExpired { .. }) => false,
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn comes_after_a_week_without_changes(t: T) {
    let product = t.fakes.sells("A", pounds("1.00"));
    let cart = a_cart(&t).await;
    set(&t, cart, product, 1).await;
    t.clock.advance(WEEK - MICROSECOND);
    read(&t, cart).await;
    t.clock.advance(MICROSECOND);
    let expired = CartsError::CartExpired {
        id: cart,
        expired_at: t.clock.now(),
    };
    assert_eq!(t.api.cart(&mut t.cx(), cart).await, Err(expired.clone()));
    assert_eq!(
        t.api.set_quantity(&mut t.cx(), cart, product, 1).await,
        Err(expired.clone())
    );
    assert_eq!(t.api.remove(&mut t.cx(), cart, product).await, Err(expired));
}

pub(crate) async fn is_extended_by_each_change(t: T) {
    let product = t.fakes.sells("A", pounds("1.00"));
    let cart = a_cart(&t).await;
    t.clock.advance(6 * DAY);
    set(&t, cart, product, 1).await;
    assert_eq!(read(&t, cart).await.expires_at, t.clock.now().plus(WEEK));
    t.clock.advance(6 * DAY);
    t.api.remove(&mut t.cx(), cart, product).await.unwrap();
    let expires_at = t.clock.now().plus(WEEK);
    assert_eq!(read(&t, cart).await.expires_at, expires_at);
    // Reading does not extend the lifetime.
    t.clock.advance(6 * DAY);
    assert_eq!(read(&t, cart).await.expires_at, expires_at);
}

pub(crate) async fn follows_the_settings(t: T) {
    let time_to_live = Duration::from_secs(60);
    let clock = Arc::clone(&t.clock) as Arc<dyn Clock>;
    let carts = Carts::new(
        t.db.clone(),
        clock,
        t.fakes.behind_edge(),
        CartsSettings { time_to_live },
    );
    let cart = carts.create(&mut t.cx(), Money::GBP).await.unwrap();
    assert_eq!(cart.expires_at, t.clock.now().plus(time_to_live));
    let product = t.fakes.sells("A", pounds("1.00"));
    t.clock.advance(time_to_live - MICROSECOND);
    carts.set_quantity(&mut t.cx(), cart.id, product, 1).await.unwrap();
    assert_eq!(read(&t, cart.id).await.expires_at, t.clock.now().plus(time_to_live));
}

/// Runs the removal of expired carts on the database of the test.
async fn remove_expired(t: &T) -> u64 {
    let clock = Arc::clone(&t.clock) as Arc<dyn Clock>;
    let carts = Carts::new(t.db.clone(), clock, t.fakes.behind_edge(), CartsSettings::default());
    carts.remove_expired(&mut t.cx()).await.unwrap()
}

pub(crate) async fn removes_the_cart_a_week_later(t: T) {
    let product = t.fakes.sells("A", pounds("1.00"));
    let cart = a_cart(&t).await;
    set(&t, cart, product, 1).await;
    // The cart expired exactly a week ago.
    t.clock.advance(WEEK + WEEK);
    let young = a_cart(&t).await;
    assert_eq!(remove_expired(&t).await, 0);
    assert!(!is_unknown(&t, cart).await);
    t.clock.advance(MICROSECOND);
    assert_eq!(remove_expired(&t).await, 1);
    assert!(is_unknown(&t, cart).await);
    assert_eq!(read(&t, young).await.lines, []);
}

pub(crate) async fn removes_any_number_of_carts(t: T) {
    let product = t.fakes.sells("A", pounds("1.00"));
    let mut carts = Vec::new();
    for _ in 0..250 {
        carts.push(t.once.create(&mut t.cx(), Money::GBP).await.unwrap().id);
    }
    t.once.set_quantity(&mut t.cx(), carts[0], product, 1).await.unwrap();
    t.clock.advance(WEEK + WEEK + MICROSECOND);
    assert_eq!(remove_expired(&t).await, 250);
    assert!(is_unknown(&t, carts[0]).await);
    assert_eq!(remove_expired(&t).await, 0);
}
