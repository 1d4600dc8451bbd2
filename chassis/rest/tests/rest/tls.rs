//! TLS between processes: client and server verify each other's certificates.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use offshoot_contract::{CallFailure, Contract as _, FailureKind};
use offshoot_rest::{Certificate, Client, ClientOptions, ExpectedStore, ServiceKeys, client_tls, server_tls};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::authority::Authority;
use crate::notes::{self, NotesApi, NotesServer, cx, expect_failure, note_with_text};

/// A certificate authority, with its certificate in a file.
struct AuthorityFile {
    folder: TempDir,
    issuer: Authority,
}

impl AuthorityFile {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let issuer = Authority::new(&folder.path().display().to_string());
        std::fs::write(folder.path().join("authority"), issuer.pem()).unwrap();
        Self { folder, issuer }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("authority")
    }

    /// Issues a certificate for `host`.
    fn certify(&self, host: &str) -> Certificate {
        let (chain, key) = self.issuer.certify(host, host);
        let files = Certificate {
            chain: self.folder.path().join(format!("{host}.certificate")),
            key: self.folder.path().join(format!("{host}.key")),
        };
        std::fs::write(&files.chain, chain).unwrap();
        std::fs::write(&files.key, key).unwrap();
        files
    }
}

/// A listener for TLS connections, as in the application.
struct TlsListener {
    socket: TcpListener,
    acceptor: TlsAcceptor,
}

impl axum::serve::Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        loop {
            let (stream, from) = self.socket.accept().await.unwrap();
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, from);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.socket.local_addr()
    }
}

async fn serve_notes_over_tls(own: &Certificate, callers: Option<&Path>) -> NotesServer {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let acceptor = TlsAcceptor::from(server_tls(own, callers).unwrap());
    notes::serve_notes_at(TlsListener { socket, acceptor }, address, ServiceKeys::random())
}

/// A client that calls the notes at `host`, trusts the authority `servers` and presents the certificate `own`.
fn client(server: &NotesServer, host: &str, servers: &AuthorityFile, own: Option<&Certificate>) -> Arc<dyn NotesApi> {
    let address = format!("https://{host}:{}", server.address.port()).parse().unwrap();
    let store = ExpectedStore::exactly(server.store_id);
    let mut options = ClientOptions::for_address(address, server.keys.for_module("notes"), store);
    options.tls = Some(Arc::new(ArcSwap::from_pointee(
        client_tls(&servers.file(), own).unwrap(),
    )));
    <dyn NotesApi>::new_proxy(Client::<dyn NotesApi>::new(options))
}

async fn call_and_fail(api: Arc<dyn NotesApi>) -> CallFailure {
    expect_failure(api.count_after(&mut cx(), 0).await)
}

#[tokio::test]
async fn a_server_with_a_trusted_certificate_for_its_host_is_called() {
    let authority = AuthorityFile::new();
    for host in ["127.0.0.1", "localhost"] {
        let server = serve_notes_over_tls(&authority.certify(host), None).await;
        let api = client(&server, host, &authority, None);
        api.write(&mut cx(), "a".to_owned(), note_with_text("encrypted"))
            .await
            .unwrap();
        assert_eq!(
            api.note(&mut cx(), "a".to_owned()).await.unwrap(),
            note_with_text("encrypted")
        );
    }
}

#[tokio::test]
async fn a_server_with_an_untrusted_certificate_or_none_is_not_called() {
    let (authority, other) = (AuthorityFile::new(), AuthorityFile::new());
    let server = serve_notes_over_tls(&authority.certify("notes.internal"), None).await;
    let plain = notes::serve_notes().await;
    for (api, why) in [
        (client(&server, "127.0.0.1", &authority, None), "not valid for name"),
        (client(&server, "127.0.0.1", &other, None), "invalid peer certificate"),
        (client(&plain, "127.0.0.1", &authority, None), "corrupt message"),
    ] {
        let failure = call_and_fail(api).await;
        assert_eq!(*failure.kind(), FailureKind::Unavailable, "{failure}");
        assert!(!failure.may_have_executed());
        assert!(failure.message().contains(why), "{failure}");
    }
}

#[tokio::test]
async fn a_server_with_an_authority_serves_only_clients_certified_by_it() {
    let (authority, other) = (AuthorityFile::new(), AuthorityFile::new());
    let server = serve_notes_over_tls(&authority.certify("127.0.0.1"), Some(&authority.file())).await;
    let known = client(&server, "127.0.0.1", &authority, Some(&authority.certify("friend")));
    assert_eq!(known.count_after(&mut cx(), 0).await.unwrap(), 1);
    let (untrusted, missing) = (other.certify("friend"), None);
    for own in [Some(&untrusted), missing] {
        let failure = call_and_fail(client(&server, "127.0.0.1", &authority, own)).await;
        assert!(
            matches!(failure.kind(), FailureKind::Unavailable | FailureKind::ConnectionLost),
            "{failure:?}"
        );
    }
    assert_eq!(
        known.count_after(&mut cx(), 0).await.unwrap(),
        2,
        "an uncertified client was served"
    );
}

#[test]
fn an_error_names_the_unusable_file() {
    let authority = AuthorityFile::new();
    let (one, other) = (authority.certify("one"), authority.certify("other"));
    let mixed = Certificate {
        chain: one.chain.clone(),
        key: other.key,
    };
    let swapped = Certificate {
        chain: one.key.clone(),
        key: one.chain.clone(),
    };
    let missing = authority.folder.path().join("missing");
    for (error, parts) in [
        (server_tls(&mixed, None).unwrap_err(), ["one.certificate", "other.key"]),
        (
            server_tls(&swapped, None).unwrap_err(),
            ["one.certificate", "does not contain a private key"],
        ),
        (
            client_tls(&one.key, None).unwrap_err(),
            ["one.key", "does not contain a certificate"],
        ),
        (client_tls(&missing, None).unwrap_err(), ["missing", "cannot be read"]),
    ] {
        let text = error.to_string();
        assert!(parts.iter().all(|part| text.contains(part)), "{text}");
    }
}
