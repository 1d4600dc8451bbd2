//! Checkout, cancellation and returns through the public API.

use offshoot_tests::{Data, Engine, Placement, Shopper, Store};
use serde_json::json;

on_both_engines! {
    alternating_replicas_both_execute_calls,
}

in_every_placement! {
    a_checkout_takes_stock_and_money,
    an_order_is_returned_in_parts_and_cancelled,
    a_refused_checkout_changes_nothing,
    a_repeated_checkout_buys_once,
    a_pending_payment_is_settled_later,
    sales_and_returns_pass_every_proof,
}

/// Adds a product with `in_stock` units and a cart with `wanted` units of the product. Returns shopper, product and
/// cart.
async fn cart_with(store: &Store, sku: &str, in_stock: u32, wanted: u32) -> (Shopper, String, String) {
    let (operator, shopper) = (store.operator(), store.shopper());
    let product = operator.add_product(sku, "Tin lantern", "2.50").await;
    operator.receive_stock(&product, in_stock).await;
    let cart = shopper.create_cart().await;
    shopper.set_quantity(&cart, &product, wanted).await;
    (shopper, product, cart)
}

async fn a_checkout_takes_stock_and_money(store: Store) -> Store {
    let (shopper, product, cart) = cart_with(&store, "L-1", 10, 4).await;
    let page = shopper.product(&product).await;
    assert_eq!(page["availability"], json!({ "in_stock": true, "available": 10 }));
    let order = shopper.buy(&cart).await;
    assert_eq!(
        (&order["status"], &order["total"]["amount"]),
        (&json!("confirmed"), &json!("10.00"))
    );
    let read = shopper.order(order["id"].as_str().expect("an order has an id")).await;
    assert_eq!(read, order);
    assert_eq!(shopper.stock(&product).await, [6, 0, 6]);
    let revenue = store.operator().revenue().await;
    assert_eq!(revenue[0]["net"]["amount"], "10.00");
    store
}

async fn an_order_is_returned_in_parts_and_cancelled(store: Store) -> Store {
    let (shopper, product, cart) = cart_with(&store, "L-1", 10, 4).await;
    let order = shopper.buy(&cart).await;
    let id = order["id"].as_str().expect("an order has an id");
    let order = shopper.return_line(id, 1, 1).await;
    assert_eq!(
        (&order["status"], &order["refunded"]["amount"]),
        (&json!("confirmed"), &json!("2.50"))
    );
    assert_eq!(shopper.stock(&product).await, [7, 0, 7]);
    let order = shopper.cancel(id).await;
    assert_eq!(
        (&order["status"], &order["refunded"]["amount"]),
        (&json!("cancelled"), &json!("10.00"))
    );
    assert_eq!(shopper.cancel(id).await, order);
    assert_eq!(shopper.stock(&product).await, [10, 0, 10]);
    assert_eq!(store.operator().revenue().await[0]["net"]["amount"], "0.00");
    store
}

async fn a_refused_checkout_changes_nothing(store: Store) -> Store {
    let (shopper, product, cart) = cart_with(&store, "L-1", 10, 4).await;
    let problem = shopper
        .check_out(&cart, "tok_declined")
        .await
        .expect_problem(402, "payment-declined");
    // The problem carries no token of the order's link: a failed order is of no use to a shopper.
    let order = problem["order_id"]
        .as_str()
        .expect("the problem names the failed order");
    let path = format!("/api/v1/orders/{order}");
    let failed = store.operator_client().get(&path).await.expect(200);
    assert_eq!(failed["status"], "failed");
    let card = shopper
        .check_out(&cart, "4242424242424242")
        .await
        .expect_problem(402, "payment-declined");
    assert!(!card.to_string().contains("4242"), "{card}");
    shopper.set_quantity(&cart, &product, 11).await;
    let problem = shopper
        .check_out(&cart, "tok_visa")
        .await
        .expect_problem(409, "insufficient-stock");
    assert_eq!(problem["lines"][0]["requested"], 11);
    assert_eq!(
        (&problem["lines"][0]["sku"], &problem["lines"][0]["available"]),
        (&json!("L-1"), &json!(10))
    );
    assert_eq!(shopper.stock(&product).await, [10, 0, 10]);
    shopper.set_quantity(&cart, &product, 10).await;
    let order = shopper.check_out(&cart, "tok_fail_once").await.expect(201);
    assert_eq!(order["status"], "confirmed");
    shopper
        .check_out(&cart, "tok_visa")
        .await
        .expect_problem(409, "already-ordered");
    assert_eq!(shopper.stock(&product).await, [0, 0, 0]);
    store
}

async fn a_repeated_checkout_buys_once(store: Store) -> Store {
    let (shopper, product, cart) = cart_with(&store, "L-1", 10, 4).await;
    let client = store.client();
    let path = format!("/api/v1/carts/{cart}/checkout");
    let buy = async |email: &str| {
        let body = json!({ "payment_token": "tok_visa", "email": email, "country": "EIRE" });
        client
            .send(
                client
                    .request("POST", &path)
                    .header("idempotency-key", "k-1")
                    .json(&body),
            )
            .await
    };
    let first = buy("ada@example.com").await.expect(201);
    assert_eq!(buy("ada@example.com").await.expect(201), first);
    buy("bob@example.com")
        .await
        .expect_problem(422, "idempotency-key-reused");
    assert_eq!(shopper.stock(&product).await, [6, 0, 6]);
    store
}

async fn a_pending_payment_is_settled_later(store: Store) -> Store {
    let (shopper, product, cart) = cart_with(&store, "L-1", 10, 4).await;
    let pending = shopper.check_out(&cart, "tok_timeout").await.expect(202);
    assert_eq!(pending["status"], "pending");
    let id = pending["id"].as_str().expect("an order has an id");
    let give_up = tokio::time::Instant::now() + std::time::Duration::from_secs(30);
    while shopper.order(id).await["open_steps"] != json!([]) {
        assert!(tokio::time::Instant::now() < give_up, "{id} stays pending");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert_eq!(shopper.order(id).await["status"], "confirmed");
    assert_eq!(shopper.stock(&product).await, [6, 0, 6]);
    store
}

async fn sales_and_returns_pass_every_proof(store: Store) -> Store {
    let store = a_checkout_takes_stock_and_money(store).await;
    let (shopper, product, cart) = cart_with(&store, "L-2", 10, 4).await;
    let order = shopper.buy(&cart).await;
    let id = order["id"].as_str().expect("an order has an id");
    shopper.return_line(id, 1, 1).await;
    assert_eq!(shopper.cancel(id).await["refunded"]["amount"], "10.00");
    assert_eq!(shopper.stock(&product).await, [10, 0, 10]);
    let (shopper, _, cart) = cart_with(&store, "L-3", 1, 4).await;
    shopper
        .check_out(&cart, "tok_visa")
        .await
        .expect_problem(409, "insufficient-stock");
    store.data().run_command(&["replay", "proofs"]).await.expect_success();
    store
}

/// Verifies the assumption of the other tests about [`Placement::Alternating`]: each replica executes calls.
async fn alternating_replicas_both_execute_calls(engine: Engine) {
    let store = Store::start(Placement::Alternating, Data::new(engine).await).await;
    let (shopper, _, cart) = cart_with(&store, "L-1", 10, 4).await;
    shopper.buy(&cart).await;
    for round in 0..20 {
        let (_, _, cart) = cart_with(&store, &format!("T-{round}"), 1, 1).await;
        shopper.buy(&cart).await;
    }
    for process in store.operator_clients() {
        let modules = process.get("/admin/placement").await.expect(200);
        let endpoints = modules.as_array().expect("modules are a list").iter();
        let endpoints = endpoints.filter_map(|module| module["endpoints"].as_array()).flatten();
        let called: Vec<_> = endpoints.filter_map(|endpoint| endpoint["calls"].as_u64()).collect();
        assert!(
            called.iter().sum::<u64>() > 20,
            "a replica received too few calls: {modules}"
        );
    }
    let front = store.operator_clients().pop().expect("the store has a public surface");
    let modules = front.get("/admin/placement").await.expect(200);
    for module in modules
        .as_array()
        .expect("modules are a list")
        .iter()
        .filter(|module| module["calls"] != 0)
    {
        let executors = module["endpoints"].as_array().expect("endpoints are a list");
        assert!(
            executors.iter().all(|executor| executor["calls"] != 0),
            "a replica received no call: {module}"
        );
    }
    store.stop().await;
}
