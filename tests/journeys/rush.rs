//! Two hundred who want the last ten.

use offshoot_tests::{Data, Engine, Shopper, Store};
use tokio::task::JoinSet;

on_both_engines! {
    the_last_ten_go_to_ten,
}

const BUYERS: usize = 200;
const LEFT: u32 = 10;

async fn the_last_ten_go_to_ten(engine: Engine) {
    let store = Store::start(offshoot_tests::Placement::OneProcess, Data::new(engine).await).await;
    let operator = store.operator();
    let product = operator.add("LAST", "The last lantern", "2.50").await;
    operator.receive(&product, LEFT).await;
    let mut buyers = JoinSet::new();
    for _ in 0..BUYERS {
        let (shopper, product): (Shopper, String) = (store.shopper(), product.clone());
        buyers.spawn(async move {
            let cart = shopper.take_cart().await;
            shopper.put(&cart, &product, 1).await;
            let answer = shopper.check_out(&cart, "tok_visa").await;
            if answer.status == 409 {
                answer.expect_problem(409, "insufficient-stock");
            }
            answer.status
        });
    }
    let answers = buyers.join_all().await;
    let bought = answers.iter().filter(|status| **status == 201).count();
    let refused = answers.iter().filter(|status| **status == 409).count();
    assert_eq!(
        (bought, refused),
        (LEFT as usize, BUYERS - LEFT as usize),
        "{answers:?}"
    );
    assert_eq!(store.shopper().stock(&product).await, [0, 0, 0]);
    store.data().run(&["replay", "proofs"]).await.expect_success();
    store.stop().await;
}
