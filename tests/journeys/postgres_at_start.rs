//! Postgres servers as operators run them: one that restarts while a process starts, and one with an authority of its own.

use offshoot_testkit::tls_server::{ServerSettings, TlsServer};
use offshoot_tests::{Data, Engine};
use tokio::task::block_in_place;

use super::authority::Authority;

const TRUST: &str = "host all all 127.0.0.0/8 trust";

fn server(certificate: Option<(String, String)>) -> Option<TlsServer> {
    let server = TlsServer::create(&ServerSettings {
        certificate,
        client_authority: None,
        access: TRUST.to_owned(),
    });
    server.map(|mut server| {
        block_in_place(|| server.start());
        server
    })
}

async fn data_on(server: &TlsServer, parameters: &str) -> Data {
    let url = server.url(&server.address.to_string(), parameters);
    Data::new(Engine::Sqlite).await.with_database(url)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_starts_while_postgres_restarts_waits_and_says_so_once() {
    let Some(mut server) = server(None) else { return };
    let data = data_on(&server, "").await;
    data.run_command(&["db", "migrate"]).await.expect_success();
    block_in_place(|| server.stop());
    let restart = async {
        while !data.log_text().contains("Postgres is not available yet") {
            tokio::task::yield_now().await;
        }
        block_in_place(|| server.start());
    };
    let (process, ()) = tokio::join!(data.serve(&[]), restart);
    process.wait_until_ready().await;
    assert_eq!(data.log_text().matches("Postgres is not available yet").count(), 1);
    process.stop().await;
}

/// A certificate for another host is accepted with `verify-ca`, if no authority but the named one is trusted.
#[tokio::test(flavor = "multi_thread")]
async fn the_mode_verify_ca_trusts_the_named_authority_alone() {
    let folder = tempfile::tempdir().expect("a temporary folder is created");
    let [trusted, other] = ["trusted", "other"].map(|name| {
        let issuer = Authority::new(name);
        let file = folder.path().join(name);
        std::fs::write(&file, issuer.pem()).expect("the folder is writable");
        (issuer, file.display().to_string())
    });
    let certificate = trusted.0.certify("db.example", "server");
    let Some(server) = server(Some(certificate)) else {
        return;
    };
    for (file, is_accepted) in [(&trusted.1, true), (&other.1, false)] {
        let data = data_on(&server, &format!("sslmode=verify-ca&sslrootcert={file}")).await;
        let refused = data.run_command(&["db", "status"]).await;
        refused.expect_error(1, &["sslmode=verify-full", "SSL_CERT_FILE="]);
        let data = data.with_environment("SSL_CERT_FILE", file);
        let status = data.run_command(&["db", "status"]).await;
        if is_accepted {
            status.expect_success();
        } else {
            status.expect_error(1, &["invalid peer certificate", "`sslrootcert`"]);
        }
    }
}
