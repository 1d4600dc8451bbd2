//! Certificates and secret files of tests, and a client that speaks TLS.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use http_body_util::{BodyExt as _, Empty};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::TokioExecutor;
use offshoot_rest::Certificate;
use rustls::ClientConfig;

use super::authority::Authority;

/// An authority's certificate in a file, and this machine's certificate signed by the authority.
pub(crate) struct Keys {
    pub(crate) authority: PathBuf,
    pub(crate) own: Certificate,
    config: PathBuf,
}

impl Keys {
    pub(crate) fn new(folder: &Path, authority: &Authority) -> Self {
        let keys = Self {
            authority: folder.join("authority.pem"),
            own: Certificate {
                chain: folder.join("own.pem"),
                key: folder.join("own.key"),
            },
            config: folder.join("encrypted.toml"),
        };
        write_secret(&keys.authority, &authority.pem());
        keys.certify(authority);
        keys
    }

    /// Replaces the certificate and its key.
    pub(crate) fn certify(&self, by: &Authority) {
        let (chain, key) = by.certify("127.0.0.1", "this machine");
        write_secret(&self.own.chain, &chain);
        write_secret(&self.own.key, &key);
    }

    /// Writes a configuration file that names the certificates and returns the path.
    pub(crate) fn settings(&self) -> String {
        let (chain, key) = (self.own.chain.display(), self.own.key.display());
        let both = format!("certificate = \"{chain}\"\nkey = \"{key}\"\n");
        let authority = self.authority.display();
        let settings = format!("[public]\n{both}[contracts]\n{both}authority = \"{authority}\"\n");
        write_secret(&self.config, &settings);
        self.config.display().to_string()
    }
}

/// Writes a file that only the owner may read, or replaces it at once.
pub(crate) fn write_secret(path: &Path, text: &str) {
    let draft = path.with_extension("draft");
    let mut file = OpenOptions::new();
    let file = file.write(true).create_new(true).mode(0o600).open(&draft);
    writeln!(file.expect("the file is new"), "{text}").expect("the file is writable");
    fs::rename(draft, path).expect("the file is renamed");
}

/// Sends a GET request over a new connection. Returns status and body.
#[expect(
    clippy::disallowed_methods,
    reason = "a client of the public surface that speaks TLS"
)]
pub(crate) async fn get(tls: &ClientConfig, url: &str) -> Result<(u16, String), Error> {
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(tls.clone())
        .https_only()
        .enable_http1()
        .build();
    let client: Client<_, Empty<&[u8]>> = Client::builder(TokioExecutor::new()).build(connector);
    let answer = client.get(url.parse().expect("the URL is valid")).await?;
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await;
    let body = body.expect("the body is complete").to_bytes();
    Ok((status, String::from_utf8_lossy(&body).into_owned()))
}
