//! Restocks products between two rounds, so that every round can buy the same baskets.

use std::time::Duration;

use catalog_api::v1::ProductId;
use offshoot_tests::{Client, Data, Process};
use serde_json::json;
use sqlx::types::Uuid;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::raw_rows::{select_texts, uuid_digits};

/// Attempts per product. The store needs time to notice that restarted processes are back.
const ATTEMPTS: u32 = 200;

/// Receives units of every product with low stock. No faults are injected meanwhile.
pub(super) async fn receive(data: &Data, front: &Process, round: u32) {
    let id = uuid_digits(data, "product_id");
    let low_stock = format!("SELECT {id} FROM {{m}}stock WHERE on_hand - reserved < 10000");
    let products = select_texts(data, "inventory", &low_stock).await;
    let client = Client::new(front.url()).with_token(data.operator_token());
    // Concurrent requests, because sequential requests would take longer than the round.
    let mut receiving = JoinSet::new();
    for chunk in products.chunks(products.len().div_ceil(8).max(1)) {
        let (client, chunk) = (client.clone(), chunk.to_vec());
        receiving.spawn(async move {
            for product in chunk {
                let product = ProductId::from_uuid(Uuid::parse_str(&product).expect("a product id is a UUID"));
                receive_units(&client, product, round).await;
            }
        });
    }
    while let Some(received) = receiving.join_next().await {
        received.expect("every product is received");
    }
}

async fn receive_units(client: &Client, product: ProductId, round: u32) {
    let path = format!("/api/v1/admin/products/{product}/stock-adjustments");
    let units = json!({ "change": 100_000, "reason": "bought", "kind": "received" });
    for attempt in 1.. {
        let request = client.request("POST", &path).json(&units);
        let response = client
            .send(request.header("idempotency-key", format!("restock-{round}-{product}")))
            .await;
        if response.status < 500 && response.status != 0 || attempt == ATTEMPTS {
            response.expect(200);
            return;
        }
        sleep(Duration::from_millis(50)).await;
    }
}
