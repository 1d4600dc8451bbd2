//! The catalog in a process of its own: killed, restarted, started before or after the callers.

use std::sync::atomic::{AtomicU32, Ordering};

use offshoot_tests::{Client, Data, Engine, Process, free_address};

use super::subscriptions::wait_until_subscriptions_catch_up;

on_both_engines! {
    a_killed_catalog_is_reported_until_the_catalog_returns,
    the_processes_start_in_any_order,
    a_call_fails_until_the_remote_module_has_started,
    a_process_with_one_module_has_no_public_surface,
}

/// Numbers the SKUs: each cart gets a new product.
static SKUS: AtomicU32 = AtomicU32::new(0);

async fn a_killed_catalog_is_reported_until_the_catalog_returns(engine: Engine) {
    let data = Data::new(engine).await;
    let catalog = data.serve(&["--only", "catalog"]).await;
    let front = serve_front(&data, catalog.url()).await;
    front.wait_until_ready().await;
    let client = Client::new(front.url()).with_token(data.operator_token());
    let cart = filled_cart(&client).await;
    let before = client.get(&cart).await.expect(200);
    wait_until_subscriptions_catch_up(&data).await;

    let address = catalog.address().to_owned();
    catalog.kill().await;
    let browsing = client.get("/api/v1/products").await;
    browsing.expect_problem(503, "unavailable");
    assert_ne!(browsing.header("retry-after"), "");
    // Carts fall back to projected prices and report the age of the prices.
    let meanwhile = client.get(&cart).await.expect(200);
    assert!(meanwhile["prices_as_of"].is_string(), "{meanwhile}");
    assert_eq!(meanwhile["lines"], before["lines"]);
    client.send(client.request("POST", "/api/v1/carts")).await.expect(201);
    assert_eq!(client.get("/health/live").await.status, 200);
    let ready = client.get("/admin/readiness").await.expect(503);
    assert_eq!(ready["modules"][0]["name"], "catalog");
    assert_eq!(
        (&ready["modules"][0]["ready"], &ready["modules"][1]["ready"]),
        (&false.into(), &true.into())
    );
    let reason = ready["modules"][0]["reason"].as_str().unwrap_or_default();
    assert!(reason.contains(&address), "the reason names the address: {reason}");

    let catalog = data.serve(&["--only", "catalog", "--listen", &address]).await;
    front.wait_until_ready().await;
    assert_eq!(client.get(&cart).await.expect(200), before);
    front.stop().await;
    catalog.stop().await;
}

async fn the_processes_start_in_any_order(engine: Engine) {
    let data = Data::new(engine).await;
    let addresses = ["catalog", "carts", "front"].map(|name| (name, free_address()));
    let [(_, catalog), (_, carts), _] = &addresses;
    let (catalog, carts) = (format!("catalog=http://{catalog}"), format!("carts=http://{carts}"));
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let mut processes = Vec::new();
        for index in order {
            let (name, address) = &addresses[index];
            let process = match *name {
                "catalog" => data.serve(&["--listen", address, "--only", "catalog"]).await,
                "carts" => {
                    data.serve(&["--listen", address, "--only", "carts", "--remote", &catalog])
                        .await
                }
                _ => {
                    data.serve(&["--listen", address, "--remote", &catalog, "--remote", &carts])
                        .await
                }
            };
            processes.push((index, process));
        }
        processes.sort_by_key(|(index, _)| *index);
        let (_, front) = &processes[2];
        front.wait_until_ready().await;
        let client = Client::new(front.url()).with_token(data.operator_token());
        client.get(&filled_cart(&client).await).await.expect(200);
        for (_, process) in processes.into_iter().rev() {
            process.stop().await;
        }
    }
}

async fn a_call_fails_until_the_remote_module_has_started(engine: Engine) {
    let data = Data::new(engine).await;
    let address = free_address();
    let front = serve_front(&data, &format!("http://{address}")).await;
    let client = Client::new(front.url());
    client.get("/api/v1/products").await.expect_problem(503, "unavailable");
    assert_eq!(client.get("/health/ready").await.expect(503)["ready"], false);
    let catalog = data.serve(&["--only", "catalog", "--listen", &address]).await;
    front.wait_until_ready().await;
    client.get("/api/v1/products").await.expect(200);
    front.stop().await;
    catalog.stop().await;
}

async fn a_process_with_one_module_has_no_public_surface(engine: Engine) {
    let data = Data::new(engine).await;
    let catalog = data.serve(&["--only", "catalog"]).await;
    catalog.wait_until_ready().await;
    let client = Client::new(catalog.url());
    client
        .get("/api/v1/products")
        .await
        .expect_problem(404, "unknown-route");
    let contract = client.get("/modules/catalog/v1/products").await;
    assert_eq!(
        contract.expect(401)["code"],
        "unauthenticated",
        "a contract is for services only"
    );
    catalog.stop().await;
}

async fn serve_front(data: &Data, catalog: &str) -> Process {
    data.serve(&["--remote", &format!("catalog={catalog}")]).await
}

/// Adds a product to a new cart and returns the path of the cart.
async fn filled_cart(client: &Client) -> String {
    let lantern = serde_json::json!({
        "sku": format!("LANTERN-{}", SKUS.fetch_add(1, Ordering::Relaxed)),
        "name": "Red lantern",
        "category": "garden",
        "price": { "amount": "2.55", "currency": "GBP" },
    });
    let product = client
        .json("POST", "/api/v1/admin/products", &lantern)
        .await
        .expect(201);
    let cart = client.send(client.request("POST", "/api/v1/carts")).await;
    let path = cart.header("location").to_owned();
    let line = format!("{path}/lines/{}", product["id"].as_str().expect("a product has an id"));
    client
        .json("PUT", &line, &serde_json::json!({ "quantity": 2 }))
        .await
        .expect(200);
    path
}
