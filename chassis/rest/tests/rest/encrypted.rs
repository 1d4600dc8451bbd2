//! TLS between processes: both sides show certificates, and whoever shows none or another one's is not called or served.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use offshoot_contract::{CallFailure, Contract as _, FailureKind};
use offshoot_rest::{Certificate, Client, ClientOptions, ExpectedStore, ServiceKeys, client_tls, server_tls};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::notes::{self, NotesApi, Served, a_note, cx, failure_of};

/// An authority with its certificate in a file.
struct Authority {
    folder: TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("authority"), issuer.pem()).unwrap();
        Self { folder, issuer }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("authority")
    }

    /// A certificate for the host of this name.
    fn certify(&self, host: &str) -> Certificate {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let files = Certificate {
            chain: self.folder.path().join(format!("{host}.certificate")),
            key: self.folder.path().join(format!("{host}.key")),
        };
        std::fs::write(&files.chain, certificate.pem()).unwrap();
        std::fs::write(&files.key, key.serialize_pem()).unwrap();
        files
    }
}

/// Accepts connections that are encrypted, as the application's listener does.
struct Encrypted {
    socket: TcpListener,
    acceptor: TlsAcceptor,
}

impl axum::serve::Listener for Encrypted {
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

async fn served(own: &Certificate, callers: Option<&Path>) -> Served {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let acceptor = TlsAcceptor::from(server_tls(own, callers).unwrap());
    notes::served_at(Encrypted { socket, acceptor }, address, ServiceKeys::random())
}

/// A client that calls the notes at `host`, trusts `servers` and shows `own`.
fn client(served: &Served, host: &str, servers: &Authority, own: Option<&Certificate>) -> Arc<dyn NotesApi> {
    let address = format!("https://{host}:{}", served.address.port()).parse().unwrap();
    let store = ExpectedStore::exactly(served.store);
    let mut options = ClientOptions::to(address, served.key.of("notes"), store);
    options.tls = Some(client_tls(&servers.file(), own).unwrap());
    <dyn NotesApi>::object(Client::<dyn NotesApi>::new(options))
}

async fn refused(api: Arc<dyn NotesApi>) -> CallFailure {
    failure_of(api.count_after(&mut cx(), 0).await)
}

#[tokio::test]
async fn a_certificate_for_the_host_by_an_authority_that_is_trusted_is_called() {
    let authority = Authority::new();
    for host in ["127.0.0.1", "localhost"] {
        let served = served(&authority.certify(host), None).await;
        let api = client(&served, host, &authority, None);
        api.write(&mut cx(), "a".to_owned(), a_note("encrypted")).await.unwrap();
        assert_eq!(api.note(&mut cx(), "a".to_owned()).await.unwrap(), a_note("encrypted"));
    }
}

#[tokio::test]
async fn another_host_s_certificate_another_authority_s_and_none_at_all_are_not_called() {
    let (authority, other) = (Authority::new(), Authority::new());
    let served = served(&authority.certify("notes.internal"), None).await;
    let plain = notes::served().await;
    for (api, why) in [
        (client(&served, "127.0.0.1", &authority, None), "not valid for name"),
        (client(&served, "127.0.0.1", &other, None), "invalid peer certificate"),
        (client(&plain, "127.0.0.1", &authority, None), "corrupt message"),
    ] {
        let failure = refused(api).await;
        assert_eq!(*failure.kind(), FailureKind::Unavailable, "{failure}");
        assert!(!failure.may_have_executed());
        assert!(failure.message().contains(why), "{failure}");
    }
}

#[tokio::test]
async fn a_server_that_asks_for_certificates_serves_those_of_its_authority_only() {
    let (authority, other) = (Authority::new(), Authority::new());
    let served = served(&authority.certify("127.0.0.1"), Some(&authority.file())).await;
    let known = client(&served, "127.0.0.1", &authority, Some(&authority.certify("friend")));
    assert_eq!(known.count_after(&mut cx(), 0).await.unwrap(), 1);
    let (stranger, nobody) = (other.certify("friend"), None);
    for own in [Some(&stranger), nobody] {
        let failure = refused(client(&served, "127.0.0.1", &authority, own)).await;
        assert!(
            matches!(failure.kind(), FailureKind::Unavailable | FailureKind::ConnectionLost),
            "{failure:?}"
        );
    }
    assert_eq!(known.count_after(&mut cx(), 0).await.unwrap(), 2, "nobody else counted");
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let authority = Authority::new();
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
            ["one.certificate", "holds no private key"],
        ),
        (
            client_tls(&one.key, None).unwrap_err(),
            ["one.key", "holds no certificate"],
        ),
        (client_tls(&missing, None).unwrap_err(), ["missing", "cannot be read"]),
    ] {
        let text = error.to_string();
        assert!(parts.iter().all(|part| text.contains(part)), "{text}");
    }
}
