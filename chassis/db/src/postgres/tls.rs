//! TLS of connections to Postgres: the files that a URL names, and errors of the handshake with their remedies.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::open_error::OpenError;

/// Variables by which OpenSSL and rustls replace the authorities of the machine.
const AUTHORITY_FILE: &str = "SSL_CERT_FILE";
const AUTHORITY_FOLDER: &str = "SSL_CERT_DIR";

/// Files that the driver reads for each connection, so that a renewed certificate needs no restart.
#[derive(Clone, Default)]
pub(crate) struct TlsFiles {
    /// `sslrootcert`: authorities of the server's certificate.
    authority: Option<PathBuf>,
    /// `sslcert`: certificate of this client.
    certificate: Option<PathBuf>,
    /// `sslkey`: private key of the certificate.
    key: Option<PathBuf>,
}

impl TlsFiles {
    /// Reads the parameters of a URL, and libpq's variables, which the driver reads too.
    pub(crate) fn from_query(query: &str) -> Result<Self, OpenError> {
        let mut files = Self {
            authority: environment("PGSSLROOTCERT"),
            certificate: environment("PGSSLCERT"),
            key: environment("PGSSLKEY"),
        };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let file = match name.as_ref() {
                "sslrootcert" | "ssl-root-cert" | "ssl-ca" => &mut files.authority,
                "sslcert" | "ssl-cert" => &mut files.certificate,
                "sslkey" | "ssl-key" => &mut files.key,
                _ => continue,
            };
            // The text of a key would show wherever the URL shows.
            if value.contains("-----BEGIN") {
                return Err(OpenError::NotAFile {
                    name: name.into_owned(),
                });
            }
            *file = Some(PathBuf::from(value.as_ref()));
        }
        if files.certificate.is_some() != files.key.is_some() {
            return Err(OpenError::ClientCertificate);
        }
        Ok(files)
    }

    pub(crate) fn has_authority(&self) -> bool {
        self.authority.is_some()
    }

    /// Fails unless the named authority is the only one that the driver trusts.
    pub(crate) fn require_sole_authority(&self) -> Result<(), OpenError> {
        let named = self.authority.as_deref().ok_or(OpenError::NoAuthority)?;
        let sole = environment(AUTHORITY_FILE).filter(|_| environment(AUTHORITY_FOLDER).is_none());
        if sole.as_deref() == Some(named) {
            return Ok(());
        }
        Err(OpenError::ManyAuthorities {
            named: named.display().to_string(),
        })
    }

    /// Fails if a file cannot be read. The driver's own error names no file.
    pub(crate) fn require_readable(&self) -> Result<(), sqlx::Error> {
        for (parameter, file) in [
            ("sslrootcert", &self.authority),
            ("sslcert", &self.certificate),
            ("sslkey", &self.key),
        ] {
            let opened = file.as_deref().map_or(Ok(()), |file| File::open(file).map(drop));
            opened.map_err(|cause| {
                let file = file.as_deref().unwrap_or(Path::new("")).display();
                sqlx::Error::Tls(format!("the file {file} of `{parameter}` cannot be read: {cause}").into())
            })?;
        }
        Ok(())
    }
}

/// Adds the remedy to an error of a TLS handshake, and recognizes a connection that ended before. Other errors stay as they are.
pub(crate) fn explain_tls_error(error: sqlx::Error) -> sqlx::Error {
    let text = match &error {
        // The driver takes the end of the connection for an answer.
        sqlx::Error::Protocol(text) if text.starts_with("unexpected response from SSLRequest: 0x00") => {
            return sqlx::Error::Io(ErrorKind::UnexpectedEof.into());
        }
        sqlx::Error::Tls(cause) => cause.to_string(),
        // The driver reports what rustls says as an error of the socket.
        sqlx::Error::Io(cause) if cause.kind() == ErrorKind::InvalidData => cause.to_string(),
        _ => return error,
    };
    let remedy = if text.contains("does not support TLS") {
        "set `ssl = on` there, or state in `postgres.allow_plain_text` why plain text is safe"
    } else if text.contains("not valid for name") {
        "write a host name of the certificate into the URL, or install a certificate with this name there"
    } else if ["UnknownIssuer", "BadSignature", "CaUsedAsEndEntity"]
        .iter()
        .any(|cause| text.contains(cause))
    {
        "name the file of the authority that signed the server's certificate with `sslrootcert`"
    } else {
        return error;
    };
    sqlx::Error::Tls(format!("{text}: {remedy}").into())
}

#[expect(
    clippy::disallowed_methods,
    reason = "the driver reads these variables itself, so their effect must be known"
)]
fn environment(name: &str) -> Option<PathBuf> {
    std::env::var_os(name)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}
