//! Sick servers behind a healthy front: hung replicas, forgotten connections, answers of gateways. Shoppers notice nothing while
//! one server or one connection works.

// Stopped processes.
mod hung;
// Connections that a proxy or a firewall has forgotten.
mod connections;
// Answers of gateways, defects, overload, names without address.
mod answers;
// Restarts behind a load balancer.
mod rolling;

use offshoot_tests::{Client, Data, Operator, Process};
use serde_json::{Value, json};

/// Units in stock: no test buys as many.
const PLENTY: u32 = 100_000;

/// Adds a product with plenty of stock, and returns the product's id.
async fn stock_product(data: &Data, process: &Process) -> String {
    let operator = Operator::new(Client::new(process.url()).with_token(data.operator_token()));
    let product = operator.add_product("LAMP", "A garden lamp", "2.50").await;
    operator.receive_stock(&product, PLENTY).await;
    product
}

/// Buys one unit. Returns the first status that is not the expected one, or 201.
async fn buy(client: &Client, product: &str) -> u16 {
    let created = client.send(client.request("POST", "/api/v1/carts")).await;
    if created.status != 201 {
        return created.status;
    }
    let cart = created.expect(201)["id"].as_str().expect("a cart has an id").to_owned();
    let line = format!("/api/v1/carts/{cart}/lines/{product}");
    let put = client.json("PUT", &line, &json!({ "quantity": 1 })).await;
    if put.status != 200 {
        return put.status;
    }
    let checkout = json!({ "payment_token": "tok_visa", "email": "ada@example.com" });
    let path = format!("/api/v1/carts/{cart}/checkout");
    client.json("POST", &path, &checkout).await.status
}

/// The endpoints of a module as the front sees them, in the order of the flags.
async fn endpoints(data: &Data, front: &Process, module: &str) -> Vec<Value> {
    let operator = Client::new(front.url()).with_token(data.operator_token());
    let modules = operator.get("/admin/placement").await.expect(200);
    let modules = modules.as_array().expect("modules are a list");
    let found = modules.iter().find(|shown| shown["module"] == module);
    let endpoints = found.expect("the module is shown")["endpoints"].as_array();
    endpoints.expect("a remote module has endpoints").clone()
}
