//! A process that is killed at each named point of the way that an event takes.

use offshoot_tests::{Client, Engine, free_address};

use super::checks;
use crate::journeys::killed::{Shop, payment};
use crate::journeys::replaying::QUICK;

on_both_engines! {
    events_whose_handling_is_killed_at_any_point_take_effect_once,
}

/// Those who hear of orders.
const HEARERS: [&str; 2] = ["notifications", "reporting"];

async fn events_whose_handling_is_killed_at_any_point_take_effect_once(engine: Engine) {
    let points: &[&str] = match engine {
        // Positions are there with the events.
        Engine::Sqlite => &["events-handling", "events-handled"],
        Engine::Postgres => &["events-numbered", "events-handling", "events-handled"],
    };
    for point in points {
        let shop = Shop::new(engine).await;
        let data = &shop.data;
        // Those who hear of orders are said to be elsewhere, where nobody is.
        let away = HEARERS.map(|module| format!("{module}=http://{}", free_address()));
        let away = away.each_ref().map(|away| ["--remote", away.as_str()]).concat();
        let store = data.serve_with(&QUICK, &away).await;
        let client = Client::new(store.url());
        let checkout = shop.filled_cart(&client).await;
        let order = client.json("POST", &checkout, &payment("tok_visa")).await.expect(201);
        let id = order["id"].as_str().expect("an order has an id");
        let cancel = client.request("POST", &format!("/api/v1/orders/{id}/cancel"));
        client.send(cancel).await.expect(200);
        store.stop().await;
        // All that it told of comes at once.
        let armed = [&QUICK[..], &[("OFFSHOOT_HALT_AT", *point)]].concat();
        let store = data.serve_with(&armed, &[]).await;
        store.logged(&format!("halted at {point}")).await;
        store.kill().await;
        let store = data.serve_with(&QUICK, &[]).await;
        println!("{engine}: killed at {point}");
        checks::everything_holds(data, &store).await;
        store.stop().await;
    }
}
