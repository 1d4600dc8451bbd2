//! Goods received between two rounds, so that the last round's baskets can be bought as the first one's.

use std::time::Duration;

use catalog_api::v1::ProductId;
use offshoot_tests::{Client, Data, Process};
use serde_json::json;
use sqlx::types::Uuid;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::rows::{digits, texts};

/// How often goods are brought again to a store that has yet to notice that its parts are back.
const ATTEMPTS: u32 = 200;

/// Receives what there is little of. Nobody disturbs the store meanwhile.
pub(super) async fn receive(data: &Data, front: &Process, round: u32) {
    let id = digits(data, "product_id");
    let few = format!("SELECT {id} FROM {{m}}stock WHERE on_hand - reserved < 10000");
    let few = texts(data, "inventory", &few).await;
    let client = Client::new(front.url()).with_token(data.operator_token());
    // A few at once, or it takes longer than the round.
    let mut receiving = JoinSet::new();
    for some in few.chunks(few.len().div_ceil(8).max(1)) {
        let (client, some) = (client.clone(), some.to_vec());
        receiving.spawn(async move {
            for product in some {
                let product = ProductId::from_uuid(Uuid::parse_str(&product).expect("it is one"));
                bring(&client, product, round).await;
            }
        });
    }
    while let Some(received) = receiving.join_next().await {
        received.expect("goods are received");
    }
}

async fn bring(client: &Client, product: ProductId, round: u32) {
    let path = format!("/api/v1/admin/products/{product}/stock-adjustments");
    let units = json!({ "change": 100_000, "reason": "bought", "kind": "received" });
    for attempt in 1.. {
        let request = client.request("POST", &path).json(&units);
        let answer = client
            .send(request.header("idempotency-key", format!("goods-{round}-{product}")))
            .await;
        if answer.status < 500 && answer.status != 0 || attempt == ATTEMPTS {
            answer.expect(200);
            return;
        }
        sleep(Duration::from_millis(50)).await;
    }
}
