//! Orders that cannot go on, as an operator sees and pushes them from the command line.

use offshoot_tests::{Client, Data, Engine, Process, free_address};
use serde_json::{Value, json};

use super::killed::{Shop, payment};

on_both_engines! {
    one_that_waits_is_undone_when_that_is_asked_for,
    there_are_none_where_there_is_no_data,
}

/// So that what waits is taken up soon.
const QUICK: [(&str, &str); 1] = [("OFFSHOOT__ORDERS__SWEEP_EVERY", "100ms")];

async fn listed(data: &Data, states: &str) -> Vec<Value> {
    let list = ["sagas", "list", "--state", states, "--json"];
    let listed = data.run(&list).await.expect_success();
    serde_json::from_str(&listed.stdout).expect("it is a list")
}

async fn is(data: &Data, store: &Process, state: &str) {
    let found = async || listed(data, state).await.len() == 1;
    store.eventually(&format!("none is {state}"), found).await;
}

async fn one_that_waits_is_undone_when_that_is_asked_for(engine: Engine) {
    let shop = Shop::new(engine).await;
    let data = &shop.data;
    let away = format!("payments=http://{}", free_address());
    let store = data.serve_with(&QUICK, &["--remote", &away]).await;
    let client = Client::new(store.url());
    let path = shop.filled_cart(&client).await;
    let order = client.json("POST", &path, &payment("tok_visa")).await.expect(202);
    let subject = order["id"].as_str().expect("an order has an id").to_owned();
    let id = format!("{subject}.checkout");

    is(data, &store, "waiting").await;
    let open = data
        .run(&["sagas", "list", "--module", "orders", "--json"])
        .await
        .expect_success();
    let open: Vec<Value> = serde_json::from_str(&open.stdout).expect("it is a list");
    assert_eq!(open.len(), 1, "{open:?}");
    let saga = &open[0];
    assert_eq!((&saga["id"], &saga["module"]), (&json!(id), &json!("orders")));
    assert_eq!(
        (&saga["kind"], &saga["version"], &saga["known"]),
        (&json!("checkout"), &json!(1), &json!(true))
    );
    assert_eq!(saga["step"], "authorize");
    let failure = saga["failure"].as_str().unwrap_or_default();
    assert!(failure.starts_with("payments."), "{failure}");
    let text = data.run(&["sagas", "list"]).await.expect_success().stdout;
    assert!(
        text.contains(&id) && text.contains("checkout/1") && text.contains("payments."),
        "{text}"
    );
    // Refused in the moments in which somebody tries.
    let retried = async || data.run(&["sagas", "retry", &id]).await.code == Some(0);
    store.eventually("it cannot be retried", retried).await;

    data.run(&["sagas", "compensate", &id]).await.expect_success();
    is(data, &store, "compensating").await;
    let twice = data.run(&["sagas", "compensate", &id]).await;
    twice.expect_error(1, &[&id, "is being undone already"]);
    let failed = client.get(&format!("/api/v1/orders/{subject}")).await.expect(200);
    assert_eq!(
        (&failed["status"], &failed["failure"]["reason"]),
        (&json!("failed"), &json!("interrupted"))
    );
    store.stop().await;

    // The payments are back.
    let store = data.serve_with(&QUICK, &[]).await;
    is(data, &store, "undone").await;
    is_over(data, &subject, &id).await;
    data.run(&["replay", "proofs", "--patience", "20s"])
        .await
        .expect_success();
    store.stop().await;
}

/// What an operator is told of a saga that was undone, and of those that are not there.
async fn is_over(data: &Data, subject: &str, id: &str) {
    assert_eq!(
        listed(data, "running,waiting,compensating,stuck").await,
        [Value::Null; 0]
    );
    let story = data.run(&["sagas", "show", subject]).await.expect_success().stdout;
    for part in [
        "undone",
        "reserve",
        "void (takes back authorize)",
        "release (takes back reserve)",
    ] {
        assert!(story.contains(part), "{part} is missing in:\n{story}");
    }
    data.run(&["sagas", "retry", id])
        .await
        .expect_error(1, &[id, "is undone"]);
    data.run(&["sagas", "retry", "--stuck"]).await.expect_success();
    data.run(&["sagas", "show", "order_0"])
        .await
        .expect_error(1, &["order_0", "sagas list"]);
    data.run(&["sagas", "compensate", "order_0"])
        .await
        .expect_error(1, &["order_0", "sagas list"]);
    data.run(&["sagas", "list", "--state", "lost"])
        .await
        .expect_error(2, &["lost", "the states are"]);
}

async fn there_are_none_where_there_is_no_data(engine: Engine) {
    let data = Data::new(engine).await;
    assert_eq!(
        listed(&data, "running,waiting,compensating,stuck,done,undone").await,
        [Value::Null; 0]
    );
    assert!(!data.folder().join("orders.db").exists());
}
