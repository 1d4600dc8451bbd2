//! TLS configurations from PEM files, for listeners and clients. Each call reads the files.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};

/// PEM files of a process's own certificate chain and private key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The certificate, followed by its issuers up to a certificate that the peers trust.
    pub chain: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// TLS of clients. New connections use the configuration stored last.
pub type SharedClientTls = Arc<ArcSwap<ClientConfig>>;

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file cannot be read.
    #[error("the file {} cannot be read", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Cause.
        source: io::Error,
    },
    /// The file has other content.
    #[error("{} does not contain a {wanted} in PEM", .path.display())]
    NotPem {
        /// The file.
        path: PathBuf,
        /// The expected PEM item.
        wanted: &'static str,
    },
    /// Certificate and key do not match, or are not usable.
    #[error("the certificate {} and the key {} cannot be used together: {source}", .certificate.chain.display(), .certificate.key.display())]
    Pair {
        /// The two files.
        certificate: Certificate,
        /// Cause.
        source: rustls::Error,
    },
    /// The authority's certificates are not usable.
    #[error("the certificates in {} are not a usable authority: {reason}", .path.display())]
    Authority {
        /// The file.
        path: PathBuf,
        /// Cause.
        reason: String,
    },
}

/// TLS for a listener. `callers`: the authority that must have signed client certificates (mTLS); with none, clients
/// need no certificate.
pub fn server_tls(own: &Certificate, callers: Option<&Path>) -> Result<Arc<ServerConfig>, TlsError> {
    let builder = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|source| own.unusable(source))?;
    let builder = match callers {
        Some(path) => {
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(authority(path)?), provider()).build();
            let verifier = verifier.map_err(|error| untrusted(path, &error))?;
            builder.with_client_cert_verifier(verifier)
        }
        None => builder.with_no_client_auth(),
    };
    let (chain, key) = own.read()?;
    let config = builder.with_single_cert(chain, key);
    Ok(Arc::new(config.map_err(|source| own.unusable(source))?))
}

/// TLS for a client. `servers`: the authority that must have signed server certificates. `own`: the client's
/// certificate, for servers that ask for one.
pub fn client_tls(servers: &Path, own: Option<&Certificate>) -> Result<ClientConfig, TlsError> {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| untrusted(servers, &error))?
        .with_root_certificates(authority(servers)?);
    match own {
        Some(own) => {
            let (chain, key) = own.read()?;
            let config = builder.with_client_auth_cert(chain, key);
            config.map_err(|source| own.unusable(source))
        }
        None => Ok(builder.with_no_client_auth()),
    }
}

/// TLS for a client without an authority: trusts no server, so no `https` address can be called.
#[must_use]
pub fn no_tls() -> ClientConfig {
    let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
    // The provider supports the default protocol versions.
    let builder = builder.unwrap_or_else(|_| unreachable!());
    builder
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth()
}

impl Certificate {
    fn read(&self) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), TlsError> {
        let key = PrivateKeyDer::from_pem_file(&self.key);
        let key = key.map_err(|error| unreadable(&self.key, error, "private key"))?;
        Ok((certificates(&self.chain)?, key))
    }

    fn unusable(&self, source: rustls::Error) -> TlsError {
        let certificate = self.clone();
        TlsError::Pair { certificate, source }
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn authority(path: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(|error| untrusted(path, &error))?;
    }
    Ok(roots)
}

pub(crate) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let unreadable = |error| unreadable(path, error, "certificate");
    let certificates = CertificateDer::pem_file_iter(path).map_err(unreadable)?;
    let certificates: Vec<_> = certificates.collect::<Result<_, _>>().map_err(unreadable)?;
    if certificates.is_empty() {
        return Err(unreadable(pem::Error::NoItemsFound));
    }
    Ok(certificates)
}

pub(crate) fn unreadable(path: &Path, error: pem::Error, wanted: &'static str) -> TlsError {
    let path = path.to_owned();
    match error {
        pem::Error::Io(source) => TlsError::Io { path, source },
        _ => TlsError::NotPem { path, wanted },
    }
}

fn untrusted(path: &Path, error: &dyn std::error::Error) -> TlsError {
    TlsError::Authority {
        path: path.to_owned(),
        reason: error.to_string(),
    }
}
