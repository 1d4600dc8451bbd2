//! Contention: 200 concurrent buyers for the last 10 units.

use offshoot_tests::{Data, Engine, Shopper, Store};
use tokio::task::JoinSet;

on_both_engines! {
    the_last_ten_units_go_to_ten_buyers,
}

const BUYERS: usize = 200;
const UNITS: u32 = 10;

async fn the_last_ten_units_go_to_ten_buyers(engine: Engine) {
    let store = Store::start(offshoot_tests::Placement::OneProcess, Data::new(engine).await).await;
    let operator = store.operator();
    let product = operator.add_product("LAST", "The last lantern", "2.50").await;
    operator.receive_stock(&product, UNITS).await;
    let mut buyers = JoinSet::new();
    for _ in 0..BUYERS {
        let (shopper, product): (Shopper, String) = (store.shopper(), product.clone());
        buyers.spawn(async move {
            let cart = shopper.create_cart().await;
            shopper.set_quantity(&cart, &product, 1).await;
            let response = shopper.check_out(&cart, "tok_visa").await;
            if response.status == 409 {
                response.expect_problem(409, "insufficient-stock");
            }
            response.status
        });
    }
    let statuses = buyers.join_all().await;
    let bought = statuses.iter().filter(|status| **status == 201).count();
    let refused = statuses.iter().filter(|status| **status == 409).count();
    assert_eq!(
        (bought, refused),
        (UNITS as usize, BUYERS - UNITS as usize),
        "{statuses:?}"
    );
    assert_eq!(store.shopper().stock(&product).await, [0, 0, 0]);
    store.data().run_command(&["replay", "proofs"]).await.expect_success();
    store.stop().await;
}
