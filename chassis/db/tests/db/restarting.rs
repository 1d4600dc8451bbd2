//! A start waits for a Postgres server that is restarting, and for nothing else.

use std::time::Duration;

use offshoot_db::{DatabaseUrl, Db, DbOptions, OpenError, migrate};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::store::TEST_SCHEMA;
use crate::tls_server::{ServerSettings, TlsServer};

/// Longer than any test runs.
const PATIENCE: Duration = Duration::from_secs(600);

fn patient() -> DbOptions {
    DbOptions {
        server_patience: PATIENCE,
        ..DbOptions::default()
    }
}

fn server(access: &str) -> Option<TlsServer> {
    TlsServer::create(&ServerSettings {
        access: access.to_owned(),
        ..ServerSettings::default()
    })
}

/// Answers one connection as a server does that starts or stops: with an error of this code, or by closing the connection.
async fn answer_once(listener: &TcpListener, code: Option<&str>) {
    let (mut client, _) = listener.accept().await.expect("loopback works");
    let Some(code) = code else { return };
    let mut buffer = [0; 1024];
    // The request for TLS, then the startup message.
    let _ = client.read(&mut buffer).await.expect("loopback works");
    client.write_all(b"N").await.expect("loopback works");
    let _ = client.read(&mut buffer).await.expect("loopback works");
    let fields = format!("SFATAL\0VFATAL\0C{code}\0Mthe database system is restarting\0\0");
    let length = u32::try_from(fields.len() + 4).expect("loopback works").to_be_bytes();
    client
        .write_all(&[b"E", length.as_slice(), fields.as_bytes()].concat())
        .await
        .expect("loopback works");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_starts_before_postgres_waits_for_it() {
    let Some(mut server) = server("host all all 127.0.0.0/8 trust") else {
        return;
    };
    let url: DatabaseUrl = server.url(&server.address.to_string(), "").parse().unwrap();
    let mut opened = tokio::spawn(async move {
        migrate(&TEST_SCHEMA, &url, &patient()).await?;
        Db::open(&TEST_SCHEMA, &url, &patient()).await
    });
    let listener = TcpListener::bind((server.address, server.port)).await.unwrap();
    let refusals = async {
        for code in [None, Some("57P01"), Some("57P03"), Some("57P03")] {
            answer_once(&listener, code).await;
        }
    };
    tokio::select! {
        () = refusals => {}
        opened = &mut opened => panic!("the process did not wait: {opened:?}"),
    }
    // From here on connections are refused, until the server listens.
    drop(listener);
    tokio::task::block_in_place(|| server.start());
    let db = opened.await.unwrap().expect("the server is there");

    // The same for a process that starts while the server is stopped.
    tokio::task::block_in_place(|| server.stop());
    let url: DatabaseUrl = server.url(&server.address.to_string(), "").parse().unwrap();
    let again = tokio::spawn(async move { Db::open(&TEST_SCHEMA, &url, &patient()).await });
    tokio::task::block_in_place(|| server.start());
    again.await.unwrap().expect("the server is back");
    db.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_and_a_missing_database_are_refused_at_once() {
    let Some(mut server) = server("host all guarded 127.0.0.0/8 scram-sha-256\nhost all all 127.0.0.0/8 trust") else {
        return;
    };
    tokio::task::block_in_place(|| server.start());
    let url = server.url(&server.address.to_string(), "");
    for (url, part) in [
        (
            url.replace("postgres@", "guarded:wrong@"),
            "password authentication failed",
        ),
        (url.replace("/postgres?", "/missing?"), "does not exist"),
    ] {
        let url: DatabaseUrl = url.parse().unwrap();
        let error = Db::open(&TEST_SCHEMA, &url, &patient()).await.map(drop).unwrap_err();
        let OpenError::CannotConnect { cause, .. } = &error else {
            panic!("{error:?}");
        };
        assert!(cause.to_string().contains(part), "{cause}");
    }
}

#[tokio::test]
async fn a_server_that_stays_away_is_reported_after_the_patience() {
    let url: DatabaseUrl = "postgres://depot@127.0.0.1:1/main".parse().unwrap();
    let options = DbOptions {
        server_patience: Duration::from_millis(200),
        ..DbOptions::default()
    };
    let error = Db::open(&TEST_SCHEMA, &url, &options).await.map(drop).unwrap_err();
    assert!(matches!(error, OpenError::CannotConnect { .. }), "{error:?}");
}
