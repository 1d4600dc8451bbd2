//! Three surfaces, each for somebody else: shoppers, other processes, operators. Encrypted, and closed to whoever has no
//! certificate or token.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use http_body_util::{BodyExt as _, Empty};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use offshoot_rest::{Certificate, client_tls};
use offshoot_tests::{Data, Engine};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

#[tokio::test]
async fn nobody_is_let_in_by_a_secret_that_the_process_made_up() {
    let data = Data::new(Engine::Sqlite).await;
    let serve = ["serve", "--listen", "127.0.0.1:0", "--listen-admin", "0.0.0.0:0"];
    let refused = data.run(&serve).await;
    refused.expect_error(2, &["nobody is named who operates it", "operators"]);
    secret(&data.folder().join("operators"), &format!("ada {}", "a".repeat(64)));
    let refused = data.run(&serve).await;
    refused.expect_error(2, &["there are no service keys", "service.key"]);
    secret(&data.folder().join("service.key"), &"a".repeat(64));
    let refused = data.run(&serve).await;
    refused.expect_error(
        2,
        &["`admin.listen` is 0.0.0.0:0", "without TLS", "--plain-text-because"],
    );
    let files: Vec<_> = fs::read_dir(data.folder()).expect("it is there").collect();
    assert_eq!(files.len(), 2, "nothing was made: {files:?}");
}

#[tokio::test]
async fn each_surface_serves_its_own_and_nothing_else() {
    let data = Data::new(Engine::Sqlite).await;
    let own = ["--listen-contracts", "127.0.0.1:0", "--listen-admin", "127.0.0.1:0"];
    let mut store = data.serve(&own).await;
    let (contracts, admin) = (store.next_surface("contracts").await, store.next_surface("admin").await);
    store.ready().await;
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
async fn everything_is_encrypted_where_there_are_certificates() {
    let data = Data::new(Engine::Sqlite).await;
    let keys = Keys::new(data.folder());
    let config = keys.settings();
    let config = ["--config", config.as_str()];
    let catalog = data.serve(&[&config[..], &["--only", "catalog"]].concat()).await;
    assert!(catalog.url().starts_with("https://"), "{}", catalog.url());
    let remote = format!("catalog={}", catalog.url());
    let own = ["--listen-admin", "127.0.0.1:0", "--remote", &remote];
    let mut front = data.serve(&[&config[..], &own[..]].concat()).await;
    let admin = front.next_surface("admin").await;
    let tls = client_tls(&keys.authority, None).expect("it is an authority");
    #[expect(clippy::disallowed_methods, reason = "a client of the public side that speaks TLS")]
    let get = async |url: String| {
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls.clone())
            .https_only()
            .enable_http1()
            .build();
        let client: Client<_, Empty<&[u8]>> = Client::builder(TokioExecutor::new()).build(connector);
        let answer = client.get(url.parse().expect("an address")).await?;
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.expect("a whole answer").to_bytes();
        Ok::<_, hyper_util::client::legacy::Error>((status, String::from_utf8_lossy(&body).into_owned()))
    };
    front
        .eventually("is not ready", async || {
            get(format!("{}/health/ready", front.url()))
                .await
                .is_ok_and(|it| it.0 == 200)
        })
        .await;
    // The catalog is called with the certificate that it asks for.
    let products = get(format!("{}/api/v1/products", front.url()))
        .await
        .expect("an answer");
    assert_eq!(products.0, 200, "{}", products.1);
    let metrics = get(format!("{admin}/metrics")).await.expect("an answer").1;
    let path = "caller=\"public\",callee=\"catalog\",method=\"browse\",placement=\"remote\",outcome=\"ok\"";
    assert!(metrics.contains(path), "{metrics}");
    // Whoever has none is not even heard.
    assert!(get(format!("{}/health/live", catalog.url())).await.is_err());
    let shown = data
        .run(&[&config[..], &["placement", "show", "--of", &admin]].concat())
        .await;
    assert!(shown.expect_success().stdout.contains("catalog    remote"));
    front.stop().await;
    catalog.stop().await;
}

/// An authority, and the certificate of this machine by it.
struct Keys {
    authority: std::path::PathBuf,
    own: Certificate,
    config: std::path::PathBuf,
}

impl Keys {
    fn new(folder: &Path) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = || KeyPair::generate().expect("a key");
        let issuer = CertifiedIssuer::self_signed(params, key()).expect("a certificate");
        let own = key();
        let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("a name");
        let certificate = params.signed_by(&own, &issuer).expect("a certificate");
        let keys = Self {
            authority: folder.join("authority.pem"),
            own: Certificate {
                chain: folder.join("own.pem"),
                key: folder.join("own.key"),
            },
            config: folder.join("encrypted.toml"),
        };
        secret(&keys.authority, &issuer.pem());
        secret(&keys.own.chain, &certificate.pem());
        secret(&keys.own.key, &own.serialize_pem());
        keys
    }

    /// A file with the settings that name them.
    fn settings(&self) -> String {
        let (chain, key) = (self.own.chain.display(), self.own.key.display());
        let both = format!("certificate = \"{chain}\"\nkey = \"{key}\"\n");
        let authority = self.authority.display();
        let settings = format!("[public]\n{both}[contracts]\n{both}authority = \"{authority}\"\n");
        secret(&self.config, &settings);
        self.config.display().to_string()
    }
}

fn secret(path: &Path, text: &str) {
    let mut file = OpenOptions::new();
    let file = file.write(true).create_new(true).mode(0o600).open(path);
    writeln!(file.expect("a new file"), "{text}").expect("it can be written");
}
