//! `offshoot sagas`: an operator lists, retries and undoes the sagas of pending orders.

use offshoot_tests::{Client, Data, Engine, Process, free_address};
use serde_json::{Value, json};

use super::crash_points::{ShopFixture, payment};

on_both_engines! {
    an_operator_undoes_a_waiting_saga,
    listing_sagas_without_data_creates_no_files,
}

/// Waiting sagas are resumed soon.
const FAST_SWEEPS: [(&str, &str); 1] = [("OFFSHOOT__ORDERS__SWEEP_EVERY", "100ms")];

async fn list_sagas(data: &Data, states: &str) -> Vec<Value> {
    let list = ["sagas", "list", "--state", states, "--json"];
    let output = data.run_command(&list).await.expect_success();
    serde_json::from_str(&output.stdout).expect("stdout is a list")
}

async fn wait_for_state(data: &Data, store: &Process, state: &str) {
    let found = async || list_sagas(data, state).await.len() == 1;
    store.wait_until(&format!("has no saga that is {state}"), found).await;
}

async fn an_operator_undoes_a_waiting_saga(engine: Engine) {
    let shop = ShopFixture::new(engine).await;
    let data = &shop.data;
    let away = format!("payments=http://{}", free_address());
    let store = data.serve_with(&FAST_SWEEPS, &["--remote", &away]).await;
    let client = Client::new(store.url());
    let path = shop.cart_checkout_path(&client).await;
    let order = client.json("POST", &path, &payment("tok_visa")).await.expect(202);
    let subject = order["id"].as_str().expect("an order has an id").to_owned();
    let id = format!("{subject}.checkout");

    wait_for_state(data, &store, "waiting").await;
    let open = data
        .run_command(&["sagas", "list", "--module", "orders", "--json"])
        .await
        .expect_success();
    let open: Vec<Value> = serde_json::from_str(&open.stdout).expect("stdout is a list");
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
    let text = data.run_command(&["sagas", "list"]).await.expect_success().stdout;
    assert!(
        text.contains(&id) && text.contains("checkout/1") && text.contains("payments."),
        "{text}"
    );
    // A retry is refused while an execution holds the saga's lease.
    let retried = async || data.run_command(&["sagas", "retry", &id]).await.code == Some(0);
    store.wait_until("refuses the retry", retried).await;

    data.run_command(&["sagas", "undo", &id]).await.expect_success();
    wait_for_state(data, &store, "undoing").await;
    let twice = data.run_command(&["sagas", "undo", &id]).await;
    twice.expect_error(1, &[&id, "is being undone already"]);
    let failed = client.get(&format!("/api/v1/orders/{subject}")).await.expect(200);
    assert_eq!(
        (&failed["status"], &failed["failure"]["reason"]),
        (&json!("failed"), &json!("interrupted"))
    );
    store.stop().await;

    // The payments are back.
    let store = data.serve_with(&FAST_SWEEPS, &[]).await;
    wait_for_state(data, &store, "undone").await;
    assert_undone(data, &subject, &id).await;
    data.run_command(&["replay", "proofs", "--patience", "20s"])
        .await
        .expect_success();
    store.stop().await;
}

/// Asserts that the saga is undone and that every command explains an undone or unknown saga.
async fn assert_undone(data: &Data, subject: &str, id: &str) {
    assert_eq!(
        list_sagas(data, "running,waiting,undoing,stuck").await,
        [Value::Null; 0]
    );
    let story = data
        .run_command(&["sagas", "show", subject])
        .await
        .expect_success()
        .stdout;
    for part in [
        "undone",
        "reserve",
        "void (takes back authorize)",
        "release (takes back reserve)",
    ] {
        assert!(story.contains(part), "{part} is missing in:\n{story}");
    }
    data.run_command(&["sagas", "retry", id])
        .await
        .expect_error(1, &[id, "is undone"]);
    data.run_command(&["sagas", "retry", "--stuck"]).await.expect_success();
    data.run_command(&["sagas", "show", "order_0"])
        .await
        .expect_error(1, &["order_0", "sagas list"]);
    data.run_command(&["sagas", "undo", "order_0"])
        .await
        .expect_error(1, &["order_0", "sagas list"]);
    data.run_command(&["sagas", "list", "--state", "lost"])
        .await
        .expect_error(2, &["lost", "the states are"]);
}

async fn listing_sagas_without_data_creates_no_files(engine: Engine) {
    let data = Data::new(engine).await;
    let all = "running,waiting,undoing,stuck,done,undone";
    match engine {
        Engine::Sqlite => {
            let refused = data.run_command(&["sagas", "list", "--state", all]).await;
            refused.expect_error(1, &["there is no store in sqlite:"]);
        }
        // On Postgres the schemas are there before the first start.
        Engine::Postgres => assert_eq!(list_sagas(&data, all).await, [Value::Null; 0]),
    }
    assert!(!data.folder().join("orders.db").exists());
}
