//! Concurrent calls for the same products.

use futures_util::future::join_all;
use inventory_api::v1::{InventoryError, MovementKind, ProductId, ReservedLine};
use offshoot_contract::Clock as _;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::T;
use crate::adjusting::{levels, product, receive};
use crate::recording::movement;

async fn reserve(t: &T, reference: String, quantities: &[(ProductId, u32)]) -> Result<(), InventoryError> {
    let line = |&(product_id, quantity)| ReservedLine { product_id, quantity };
    let until = t.clock.now().plus(std::time::Duration::from_secs(60));
    let lines = quantities.iter().map(line).collect();
    t.once.reserve(&mut t.cx(), reference, lines, until).await.map(drop)
}

pub(crate) async fn the_last_units_are_reserved_exactly_once(t: T) {
    let id = product();
    receive(&t, id, 10).await;
    let one = [(id, 1)];
    let buyers = (0..50).map(|buyer| reserve(&t, format!("buyer-{buyer}"), &one).into_boxed());
    let mut reserved = 0;
    for outcome in join_all(buyers.collect::<Vec<_>>()).await {
        match outcome {
            Ok(()) => reserved += 1,
            Err(InventoryError::InsufficientStock { .. }) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!(reserved, 10);
    assert_eq!(levels(&t, id).await, [10, 10, 0]);
}

pub(crate) async fn reservations_in_opposite_order_do_not_deadlock(t: T) {
    let products: Vec<_> = (0..8).map(|_| product()).collect();
    for &id in &products {
        receive(&t, id, 1_000).await;
    }
    let ascending: Vec<_> = products.iter().map(|&id| (id, 1)).collect();
    let descending: Vec<_> = ascending.iter().rev().copied().collect();
    let buyers = (0..40).map(|buyer| {
        let lines = if buyer % 2 == 0 { &ascending } else { &descending };
        reserve(&t, format!("buyer-{buyer}"), lines).into_boxed()
    });
    for outcome in join_all(buyers.collect::<Vec<_>>()).await {
        outcome.unwrap();
    }
    assert_eq!(levels(&t, products[0]).await, [1_000, 40, 960]);
}

/// Random concurrent calls from a printed seed. Afterwards the sum of the ledger equals the units on hand, and the
/// reserved units equal the units of held reservations.
pub(crate) async fn the_ledger_equals_the_stock_after_concurrent_calls(t: T) {
    let seed: u64 = rand::random();
    let products: Vec<_> = (0..3).map(|_| product()).collect();
    let workers = (0..6).map(|worker| {
        let (t, products) = (&t, &products);
        Box::pin(async move {
            let mut random = StdRng::seed_from_u64(seed ^ worker);
            for round in 0..8 {
                let id = products[random.random_range(0..products.len())];
                let reference = format!("r-{}-{}", random.random_range(0..6_u64), round / 2);
                let outcome = match random.random_range(0..5) {
                    0 => {
                        let name = format!("m-{}", random.random_range(0..20_u32));
                        let new = movement(id, MovementKind::Received, 5, &name);
                        t.once.record_many(&mut t.cx(), vec![new]).await.map(drop)
                    }
                    1 | 2 => reserve(t, reference, &[(id, random.random_range(1..4))]).await,
                    3 => t.once.commit(&mut t.cx(), reference).await.map(drop),
                    _ => t.once.release(&mut t.cx(), reference).await,
                };
                if let Err(InventoryError::Call(failure)) = outcome {
                    // Two concurrent calls may use one reference for different products. The later call then fails
                    // without an effect and may be repeated, as a switch would do.
                    let is_retryable_conflict = failure.is_transient() && !failure.may_have_executed();
                    assert!(is_retryable_conflict, "seed {seed}: {failure:?}");
                }
            }
        })
    });
    join_all(workers).await;
    for balance in t.api.balances(&mut t.cx(), None, None).await.unwrap().items {
        let sum = balance.received + balance.adjusted + balance.sold + balance.returned;
        assert_eq!(sum, i64::try_from(balance.stock.on_hand).unwrap(), "seed {seed}");
        assert_eq!(balance.stock.reserved, balance.held, "seed {seed}");
    }
}

/// Boxes a future, because the test joins many futures that each hold a whole transaction.
trait IntoBoxed: Future + Sized {
    fn into_boxed(self) -> std::pin::Pin<Box<Self>> {
        Box::pin(self)
    }
}

impl<F: Future> IntoBoxed for F {}
