//! The public, contracts and admin surfaces: separate addresses, TLS, required secrets.

use std::fs;

use offshoot_rest::client_tls;
use offshoot_tests::{Data, Engine};

use super::authority::Authority;
use super::certificates::{Keys, get, write_secret};

#[tokio::test]
async fn a_process_on_a_network_address_generates_no_secrets() {
    let data = Data::new(Engine::Sqlite).await;
    let serve = ["serve", "--listen", "127.0.0.1:0", "--listen-admin", "0.0.0.0:0"];
    let refused = data.run_command(&serve).await;
    refused.expect_error(2, &["no operator is named", "operators"]);
    write_secret(&data.folder().join("operators"), &format!("ada {}", "a".repeat(64)));
    let refused = data.run_command(&serve).await;
    refused.expect_error(2, &["the service keys are missing", "service.key"]);
    write_secret(&data.folder().join("service.key"), &"a".repeat(64));
    let refused = data.run_command(&serve).await;
    refused.expect_error(2, &["the link keys are missing", "link.key"]);
    write_secret(&data.folder().join("link.key"), &"a".repeat(64));
    let refused = data.run_command(&serve).await;
    refused.expect_error(
        2,
        &[
            "`admin.listen` is 0.0.0.0:0",
            "without TLS",
            "--plain-text-because admin=",
        ],
    );
    let for_another = ["--plain-text-because", "public=a test"];
    let refused = data.run_command(&[&serve[..], &for_another].concat()).await;
    refused.expect_error(2, &["`admin.listen` is 0.0.0.0:0", "without TLS"]);
    let public = ["serve", "--listen", "0.0.0.0:0"];
    for (surface, arguments) in [
        ("public", &public[..]),
        ("contracts", &["serve", "--only", "catalog", "--listen", "0.0.0.0:0"]),
        (
            "contracts",
            &["serve", "--listen", "127.0.0.1:0", "--listen-contracts", "0.0.0.0:0"],
        ),
    ] {
        let refused = data.run_command(arguments).await;
        refused.expect_error(2, &["without TLS", &format!("--plain-text-because {surface}=")]);
    }
    let files: Vec<_> = fs::read_dir(data.folder())
        .expect("the data directory is readable")
        .collect();
    assert_eq!(files.len(), 3, "a secret was generated: {files:?}");
}

#[tokio::test]
async fn each_surface_serves_only_its_own_routes() {
    let data = Data::new(Engine::Sqlite).await;
    let separate = ["--listen-contracts", "127.0.0.1:0", "--listen-admin", "127.0.0.1:0"];
    let mut store = data.serve(&separate).await;
    let (contracts, admin) = (
        store.next_surface_address("contracts").await,
        store.next_surface_address("admin").await,
    );
    store.wait_until_ready().await;
    for (surface, path, status) in [
        (store.url(), "/api/v1/products", 200),
        (store.url(), "/modules/catalog/contract", 404),
        (store.url(), "/admin/placement", 404),
        (store.url(), "/metrics", 404),
        (&contracts, "/modules/catalog/contract", 401),
        (&contracts, "/api/v1/products", 404),
        (&contracts, "/admin/placement", 404),
        (&admin, "/admin/placement", 401),
        (&admin, "/metrics", 200),
        (&admin, "/api/v1/products", 404),
        (&admin, "/modules/catalog/contract", 404),
        (&admin, "/health/ready", 200),
    ] {
        let answer = offshoot_tests::Client::new(surface).get(path).await;
        assert_eq!(answer.status, status, "{surface}{path}: {}", answer.text);
    }
    store.stop().await;
}

#[tokio::test]
async fn every_surface_uses_the_configured_certificates() {
    let data = Data::new(Engine::Sqlite).await;
    let keys = Keys::new(data.folder(), &Authority::new("companies"));
    let config = keys.settings();
    let config = ["--config", config.as_str()];
    let catalog = data.serve(&[&config[..], &["--only", "catalog"]].concat()).await;
    assert!(catalog.url().starts_with("https://"), "{}", catalog.url());
    let remote = format!("catalog={}", catalog.url());
    let separate = ["--listen-admin", "127.0.0.1:0", "--remote", &remote];
    let mut front = data.serve(&[&config[..], &separate[..]].concat()).await;
    let admin = front.next_surface_address("admin").await;
    let tls = client_tls(&keys.authority, None).expect("the authority's certificate loads");
    let get = async |url: String| get(&tls, &url).await;
    front
        .wait_until("is not ready", async || {
            get(format!("{}/health/ready", front.url()))
                .await
                .is_ok_and(|(status, _)| status == 200)
        })
        .await;
    // The store calls the catalog with a client certificate.
    let products = get(format!("{}/api/v1/products", front.url()))
        .await
        .expect("the server answers");
    assert_eq!(products.0, 200, "{}", products.1);
    let metrics = get(format!("{admin}/metrics")).await.expect("the server answers").1;
    let path = "caller=\"public\",callee=\"catalog\",method=\"browse\",placement=\"remote\",outcome=\"ok\"";
    assert!(metrics.contains(path), "{metrics}");
    for setting in ["public.certificate", "contracts.certificate", "contracts.authority"] {
        let line = format!("offshoot_certificate_expiry_seconds{{setting=\"{setting}\"}} ");
        let left = metrics.lines().find_map(|found| found.strip_prefix(&line));
        let left: Option<i64> = left.and_then(|left| left.parse().ok());
        assert!(left.is_some_and(|left| left > 0), "{setting}: {left:?}");
    }
    // The TLS handshake fails without a client certificate.
    assert!(get(format!("{}/health/live", catalog.url())).await.is_err());
    let shown = data
        .run_command(&[&config[..], &["placement", "show", "--of", &admin]].concat())
        .await;
    assert!(shown.expect_success().stdout.contains("catalog    remote"));
    front.stop().await;
    catalog.stop().await;
}

#[tokio::test]
async fn a_proxy_on_the_same_machine_publishes_the_public_surface_only() {
    let data = Data::new(Engine::Sqlite).await;
    let store = data.serve(&[]).await;
    store.wait_until_ready().await;
    let client = offshoot_tests::Client::new(store.url()).with_token(data.operator_token());
    for (header, value) in [("x-forwarded-for", "10.0.0.1"), ("host", "shop.example.com")] {
        for (path, direct, proxied) in [
            ("/api/v1/products", 200, 200),
            ("/health/ready", 200, 200),
            ("/metrics", 200, 404),
            ("/admin/placement", 200, 404),
            ("/modules/catalog/contract", 401, 404),
        ] {
            assert_eq!(client.get(path).await.status, direct, "{path}");
            // A proxy that adds nothing looks like a local client: without a token there is nothing to publish.
            let stranger = offshoot_tests::Client::stranger(store.url()).get(path).await;
            let is_public = ["/api/v1/products", "/health/ready"].contains(&path);
            assert_eq!(stranger.status, if is_public { 200 } else { 401 }, "{path}");
            let request = client.request("GET", path).header(header, value);
            assert_eq!(client.send(request).await.status, proxied, "{path} with {header}");
        }
    }
    store.stop().await;
}
