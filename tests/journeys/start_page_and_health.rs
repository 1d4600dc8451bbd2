//! Start page, health endpoints and the OpenAPI document of the public API.

use offshoot_tests::{MODULES, Store};

in_every_placement! {
    the_start_page_shows_where_each_module_runs,
    health_reports_liveness_and_readiness,
    the_public_api_document_is_valid_openapi,
}

async fn the_start_page_shows_where_each_module_runs(store: Store) -> Store {
    let client = store.client();
    let html = client.get("/").await;
    assert_eq!(
        (html.status, html.header("content-type")),
        (200, "text/html; charset=utf-8")
    );
    assert!(
        html.text.starts_with("<!doctype html>") && html.text.contains("curl"),
        "{}",
        html.text
    );

    let json = client
        .send(client.request("GET", "/").header("accept", "application/json"))
        .await
        .expect(200);
    let modules = json["modules"].as_array().expect("the page lists the modules").iter();
    let placed: Vec<_> = modules.map(|module| [&module["name"], &module["placement"]]).collect();
    let expected = MODULES.map(|module| [module, store.expected_placement(module)]);
    assert_eq!(placed, expected);
    for link in json["links"].as_array().expect("the page has links") {
        let path = link.as_str().expect("a link is a path");
        assert_eq!(client.get(path).await.status, 200, "{path}");
    }
    store
}

async fn health_reports_liveness_and_readiness(store: Store) -> Store {
    let client = store.client();
    assert_eq!(client.get("/health/live").await.expect(200)["live"], true);
    let ready = client.get("/health/ready").await.expect(200);
    assert_eq!(
        ready,
        serde_json::json!({ "ready": true }),
        "strangers learn nothing else"
    );
    client
        .get("/admin/readiness")
        .await
        .expect_problem(401, "unauthenticated");
    let operator = store.operator_client();
    let ready = operator.get("/admin/readiness").await.expect(200);
    assert_eq!(ready["ready"], true);
    assert_eq!(ready["modules"].as_array().map(Vec::len), Some(MODULES.len()));
    store
}

async fn the_public_api_document_is_valid_openapi(store: Store) -> Store {
    let text = store.client().get("/api/v1/openapi.json").await.text;
    let document = oas3::from_json(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    document.validate_version().expect("oas3 supports the version");
    assert!(document.operations().count() > 0);
    store
}
