//! Many who want the same at once.

use futures_util::future::join_all;
use inventory_api::v1::{InventoryError, MovementKind, ProductId, ReservedLine};
use offshoot_contract::Clock as _;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use crate::T;
use crate::adjusting::{levels, product, receive};
use crate::recording::movement;

async fn reserve(t: &T, reference: String, of: &[(ProductId, u32)]) -> Result<(), InventoryError> {
    let line = |&(product_id, quantity)| ReservedLine { product_id, quantity };
    let until = t.clock.now().plus(std::time::Duration::from_secs(60));
    let lines = of.iter().map(line).collect();
    t.once.reserve(&mut t.cx(), reference, lines, until).await.map(drop)
}

pub(crate) async fn the_last_goods_go_to_as_many_as_there_are(t: T) {
    let id = product();
    receive(&t, id, 10).await;
    let one = [(id, 1)];
    let buyers = (0..50).map(|buyer| reserve(&t, format!("buyer-{buyer}"), &one).into_boxed());
    let mut promised = 0;
    for outcome in join_all(buyers.collect::<Vec<_>>()).await {
        match outcome {
            Ok(()) => promised += 1,
            Err(InventoryError::InsufficientStock { .. }) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!(promised, 10);
    assert_eq!(levels(&t, id).await, [10, 10, 0]);
}

pub(crate) async fn opposite_orders_do_not_wait_in_a_circle(t: T) {
    let products: Vec<_> = (0..8).map(|_| product()).collect();
    for &id in &products {
        receive(&t, id, 1_000).await;
    }
    let there: Vec<_> = products.iter().map(|&id| (id, 1)).collect();
    let back: Vec<_> = there.iter().rev().copied().collect();
    let buyers = (0..40).map(|buyer| {
        let lines = if buyer % 2 == 0 { &there } else { &back };
        reserve(&t, format!("buyer-{buyer}"), lines).into_boxed()
    });
    for outcome in join_all(buyers.collect::<Vec<_>>()).await {
        outcome.unwrap();
    }
    assert_eq!(levels(&t, products[0]).await, [1_000, 40, 960]);
}

/// Everything at once, with a seed; after it the ledger's sum is the stock, and what is promised is what is held.
pub(crate) async fn whatever_comes_at_once_the_ledger_is_the_stock(t: T) {
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
                    // Two may use a reference for different products at once. The later one then did nothing, and may
                    // come again, which a switch would have done.
                    let came_second = failure.is_passing() && !failure.may_have_executed();
                    assert!(came_second, "seed {seed}: {failure:?}");
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

/// A future in a box: many of them are joined, and each carries a transaction.
trait IntoBoxed: Future + Sized {
    fn into_boxed(self) -> std::pin::Pin<Box<Self>> {
        Box::pin(self)
    }
}

impl<F: Future> IntoBoxed for F {}
