//! TLS to Postgres: the mode of the URL is kept, and plain text reaches no other machine without a reason.

use std::path::PathBuf;

use offshoot_contract::error_chain;
use offshoot_db::{DatabaseUrl, Db, DbOptions, OpenError, migrate};
use tempfile::TempDir;

use crate::authority::Authority;
use crate::store::{TEST_SCHEMA, add, cx};
use crate::tls_server::{ServerSettings, TlsServer};

const TRUST: &str = "host all all 127.0.0.0/8 trust";

/// A certificate authority, with its certificate in a file.
struct AuthorityFile {
    folder: TempDir,
    issuer: Authority,
}

impl AuthorityFile {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("test files can be made");
        let issuer = Authority::new(&folder.path().display().to_string());
        std::fs::write(folder.path().join("authority"), issuer.pem()).expect("test files can be made");
        Self { folder, issuer }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Certificate for `host` and the user `user`, with key, as PEM.
    fn certify(&self, host: &str, user: &str) -> (String, String) {
        self.issuer.certify(host, user)
    }

    /// Parameters of a URL that verify the server against this authority.
    fn verify_full(&self) -> String {
        format!("sslmode=verify-full&sslrootcert={}", self.file("authority").display())
    }

    /// A started server with a certificate for `host`.
    fn serve(&self, host: &str) -> Option<TlsServer> {
        start(&ServerSettings {
            certificate: Some(self.certify(host, "server")),
            client_authority: None,
            access: TRUST.to_owned(),
        })
    }
}

fn start(settings: &ServerSettings) -> Option<TlsServer> {
    let mut server = TlsServer::create(settings)?;
    tokio::task::block_in_place(|| server.start());
    Some(server)
}

/// The address of the server in a form that is not known to be of this machine, as a host name would be.
fn as_other_machine(server: &TlsServer) -> String {
    format!("{:#x}", u32::from(server.address))
}

/// Whether a connection is encrypted, or why there is none.
async fn connect(url: &str, plain_text: Option<&str>) -> Result<bool, String> {
    let url = DatabaseUrl::parse(url, plain_text).map_err(|error| error.to_string())?;
    let DatabaseUrl::Postgres(login) = url else {
        panic!("{url} is not a Postgres URL");
    };
    let mut connection = login.connect("test").await.map_err(|error| error_chain(&error))?;
    let is_encrypted = sqlx::query_scalar("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()");
    Ok(is_encrypted
        .fetch_one(&mut connection)
        .await
        .expect("test files and certificates can be made"))
}

fn assert_refused(connected: Result<bool, String>, parts: &[&str]) {
    let text = connected.expect_err("the connection is refused");
    assert!(parts.iter().all(|part| text.contains(part)), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_module_keeps_its_data_on_a_verified_server() {
    let authority = AuthorityFile::new();
    let host = TlsServer::own_address().to_string();
    let Some(server) = authority.serve(&host) else {
        return;
    };
    let url = server.url(&host, &authority.verify_full());
    assert_eq!(connect(&url, None).await, Ok(true));
    let url: DatabaseUrl = url.parse().unwrap();
    // The message names a command with this URL.
    assert!(url.to_string().ends_with(&authority.verify_full()), "{url}");
    let error = Db::open(&TEST_SCHEMA, &url, &DbOptions::default())
        .await
        .map(drop)
        .unwrap_err();
    assert!(matches!(error, OpenError::NotMigrated { .. }), "{error:?}");
    migrate(&TEST_SCHEMA, &url, &DbOptions::default()).await.unwrap();
    let db = Db::open(&TEST_SCHEMA, &url, &DbOptions::default()).await.unwrap();
    let mut cx = cx();
    let mut tx = db.begin(&mut cx).await.unwrap();
    add(&mut tx, "encrypted").await.unwrap();
    tx.commit(()).await.unwrap();
    let DatabaseUrl::Postgres(login) = &url else {
        panic!("{url} is not a Postgres URL");
    };
    let mut observer = login.connect("test").await.unwrap();
    let modes = "SELECT DISTINCT s.ssl FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) \
                 WHERE a.application_name LIKE 'offshoot depot %'";
    let modes: Vec<bool> = sqlx::query_scalar(modes).fetch_all(&mut observer).await.unwrap();
    assert_eq!(modes, [true], "a connection of the module is in plain text");
    db.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_of_another_authority_or_host_is_refused() {
    let (authority, other) = (AuthorityFile::new(), AuthorityFile::new());
    let Some(server) = authority.serve("db.example") else {
        return;
    };
    let host = server.address.to_string();
    let wrong_authority = connect(&server.url(&host, &other.verify_full()), None).await;
    assert_refused(wrong_authority, &["UnknownIssuer", "sslrootcert"]);
    let wrong_host = connect(&server.url(&host, &authority.verify_full()), None).await;
    assert_refused(wrong_host, &["not valid for name", "host name of the certificate"]);
    let only_public = connect(&server.url(&host, "sslmode=verify-full"), None).await;
    assert_refused(only_public, &["UnknownIssuer"]);
    assert_eq!(connect(&server.url(&host, "sslmode=require"), None).await, Ok(true));
    let missing = server.url(&host, "sslmode=verify-full&sslrootcert=/missing.pem");
    assert_refused(connect(&missing, None).await, &["/missing.pem", "sslrootcert"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_asks_for_certificates_admits_only_their_holders() {
    let authority = AuthorityFile::new();
    let host = TlsServer::own_address().to_string();
    let settings = ServerSettings {
        certificate: Some(authority.certify(&host, "server")),
        client_authority: Some(authority.issuer.pem()),
        access: "hostssl all all 127.0.0.0/8 cert".to_owned(),
    };
    let Some(server) = start(&settings) else {
        return;
    };
    let (certificate, key) = authority.certify("client.example", "postgres");
    std::fs::write(authority.file("certificate"), certificate).unwrap();
    std::fs::write(authority.file("key"), key).unwrap();
    let (certificate, key) = (authority.file("certificate"), authority.file("key"));
    let own = format!("sslcert={}&sslkey={}", certificate.display(), key.display());
    let with = |parameters: &str| server.url(&host, &format!("{}&{parameters}", authority.verify_full()));
    assert_eq!(connect(&with(&own), None).await, Ok(true));
    assert_refused(connect(&with(""), None).await, &["valid client certificate"]);
    let half = format!("sslcert={}", certificate.display());
    assert_refused(connect(&with(&half), None).await, &["both `sslcert` and `sslkey`"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_url_without_a_mode_falls_back_to_plain_text_on_this_machine_only() {
    let authority = AuthorityFile::new();
    let (Some(encrypted), Some(plain)) = (
        authority.serve("db.example"),
        start(&ServerSettings {
            access: TRUST.to_owned(),
            ..ServerSettings::default()
        }),
    ) else {
        return;
    };
    for parameters in ["", "sslmode=prefer"] {
        let there = plain.url(&as_other_machine(&plain), parameters);
        let here = encrypted.url(&encrypted.address.to_string(), parameters);
        assert_eq!(connect(&here, None).await, Ok(true));
        assert_refused(
            connect(&there, None).await,
            &["does not support TLS", "`ssl = on`", "postgres.allow_plain_text"],
        );
        assert_eq!(connect(&there, Some("a test")).await, Ok(false));
        assert_eq!(
            connect(&plain.url(&plain.address.to_string(), parameters), None).await,
            Ok(false)
        );
    }
    let disabled = plain.url(&as_other_machine(&plain), "sslmode=disable");
    assert_eq!(connect(&disabled, Some("a test")).await, Ok(false));
}

#[test]
fn plain_text_to_another_machine_needs_a_reason() {
    for (url, mode) in [
        ("postgres://me:secret@db.example/store?sslmode=disable", "disable"),
        ("postgres://me:secret@10.0.0.7/store?sslmode=allow", "allow"),
        (
            "postgres://me:secret@localhost/store?hostaddr=10.0.0.7&sslmode=disable",
            "disable",
        ),
        (
            "postgres://me:secret@localhost.example/store?sslmode=disable",
            "disable",
        ),
    ] {
        let error = DatabaseUrl::parse(url, None).map(drop).expect_err(url);
        let text = error.to_string();
        for part in [&format!("`sslmode={mode}`"), "verify-full", "postgres.allow_plain_text"] {
            assert!(text.contains(part), "{text}");
        }
        assert!(!text.contains("secret"), "{text}");
        DatabaseUrl::parse(url, Some("the network is encrypted")).expect(url);
    }
    for url in [
        "postgres://me@localhost/store?sslmode=disable",
        "postgres://me@127.0.0.2/store?sslmode=disable",
        "postgres://me@[::1]/store?sslmode=disable",
        "postgres://me@db.example/store?host=/run/pg&sslmode=disable",
        "postgres://me@db.example/store",
    ] {
        DatabaseUrl::parse(url, None).expect(url);
    }
}

/// The authorities of the machine certify anybody, so a mode that compares no names would verify nothing.
#[test]
fn a_mode_that_would_trust_public_authorities_without_names_is_refused() {
    for url in [
        "postgres://me@db.example/store?sslmode=verify-ca&sslrootcert=/ca.pem",
        "postgres://me@db.example/store?sslmode=require&sslrootcert=/ca.pem",
        "postgres://me@db.example/store?sslrootcert=/ca.pem",
    ] {
        let error = url.parse::<DatabaseUrl>().expect_err(url);
        assert!(matches!(error, OpenError::ManyAuthorities { .. }), "{error:?}");
        let text = error.to_string();
        assert!(
            text.contains("sslmode=verify-full") && text.contains("SSL_CERT_FILE=/ca.pem"),
            "{text}"
        );
    }
    let error = "postgres://me@db.example/store?sslmode=verify-ca".parse::<DatabaseUrl>();
    assert!(matches!(error, Err(OpenError::NoAuthority)), "{error:?}");
}

#[test]
fn a_parameter_without_effect_and_a_key_in_the_url_are_refused() {
    let error = "postgres://me@db.example/store?sslmod=verify-full"
        .parse::<DatabaseUrl>()
        .expect_err("a typing error");
    assert!(error.to_string().contains("`sslmod`"), "{error}");
    let inline = "postgres://me@db.example/store?sslkey=-----BEGIN+PRIVATE+KEY-----secret";
    let error = inline.parse::<DatabaseUrl>().expect_err("the text of a key");
    let text = error.to_string();
    assert!(text.contains("`sslkey`") && !text.contains("secret"), "{text}");
}
