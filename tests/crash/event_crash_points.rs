//! Kills a process at each named point of event handling.

use offshoot_tests::{Client, Engine, free_address};

use super::invariants;
use crate::journeys::crash_points::{ShopFixture, payment};
use crate::journeys::replay::FAST_RECOVERY;

on_both_engines! {
    events_take_effect_once_after_a_kill_at_any_point,
}

/// Subscribers of orders.
const SUBSCRIBERS: [&str; 2] = ["notifications", "reporting"];

async fn events_take_effect_once_after_a_kill_at_any_point(engine: Engine) {
    let points: &[&str] = match engine {
        // On SQLite, the insert assigns the position, so numbering has no point.
        Engine::Sqlite => &["events-handling", "events-handled"],
        Engine::Postgres => &["events-numbered", "events-handling", "events-handled"],
    };
    for point in points {
        let shop = ShopFixture::new(engine).await;
        let data = &shop.data;
        // The subscribers are configured at addresses without a server, so no event is handled yet.
        let remotes = SUBSCRIBERS.map(|module| format!("{module}=http://{}", free_address()));
        let remotes = remotes.each_ref().map(|remote| ["--remote", remote.as_str()]).concat();
        let store = data.serve_with(&FAST_RECOVERY, &remotes).await;
        let client = Client::new(store.url());
        let checkout = shop.cart_checkout_path(&client).await;
        let order = client.json("POST", &checkout, &payment("tok_visa")).await.expect(201);
        let id = order["id"].as_str().expect("an order has an id");
        let cancel = client.request("POST", &format!("/api/v1/orders/{id}/cancel"));
        client.send(cancel).await.expect(200);
        store.stop().await;
        // The armed process handles the whole backlog at once.
        let armed = [&FAST_RECOVERY[..], &[("OFFSHOOT_HALT_AT", *point)]].concat();
        let store = data.serve_with(&armed, &[]).await;
        store.wait_for_log(&format!("halted at {point}")).await;
        store.kill().await;
        let store = data.serve_with(&FAST_RECOVERY, &[]).await;
        println!("{engine}: killed at {point}");
        invariants::assert_all_hold(data, &store).await;
        store.stop().await;
    }
}
