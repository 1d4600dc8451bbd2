//! Login to a Postgres server: address, user, and the rule that passwords and data reach no other machine in plain text.
//!
//! Every connection to Postgres comes from [`PostgresLogin::connect`], and every login from a URL that was checked here.

use std::net::IpAddr;
use std::path::PathBuf;

use sqlx::Connection as _;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};

use crate::open_error::OpenError;
use crate::postgres::tls::{TlsFiles, explain_tls_error};

/// Parameters of a URL. Any other has no effect in the driver, so a mistyped `sslmode` would switch verification off.
const PARAMETERS: [&str; 18] = [
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "options",
    "password",
    "port",
    "ssl-ca",
    "ssl-cert",
    "ssl-key",
    "ssl-mode",
    "ssl-root-cert",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "statement-cache-capacity",
    "user",
];

/// Address, user and TLS of connections to one Postgres database.
#[derive(Clone)]
pub struct PostgresLogin {
    options: PgConnectOptions,
    tls: TlsFiles,
    /// The TLS parameters as the URL has them, for messages. They name files and contain no secret.
    tls_parameters: Vec<String>,
}

impl PostgresLogin {
    /// Parses `postgres://user:password@host/database?sslmode=..`. `plain_text` is the reason why plain text to another
    /// machine is safe; with none, the connection is encrypted or refused. See [`settle_mode`].
    pub(crate) fn parse(url: &str, plain_text: Option<&str>) -> Result<Self, OpenError> {
        // The error leaves out the URL, which may contain a password.
        let options: PgConnectOptions = url.parse().map_err(|cause| OpenError::InvalidPostgresUrl { cause })?;
        let query = url.split_once('?').map_or("", |(_, query)| query);
        let query = query.split_once('#').map_or(query, |(query, _)| query);
        let is_known = |name: &str| PARAMETERS.contains(&name) || name.starts_with("options[");
        let mut names = form_urlencoded::parse(query.as_bytes()).map(|(name, _)| name);
        if let Some(name) = names.find(|name| !is_known(name)) {
            let name = name.into_owned();
            return Err(OpenError::UnknownUrlParameter { name });
        }
        let tls = TlsFiles::from_query(query)?;
        let mode = settle_mode(&options, &tls, plain_text)?;
        let is_tls = |pair: &&str| pair.starts_with("ssl");
        Ok(Self {
            options: options.ssl_mode(mode),
            tls,
            tls_parameters: query.split('&').filter(is_tls).map(str::to_owned).collect(),
        })
    }

    /// The same server and database for another user, with a password.
    #[must_use]
    pub fn as_user(&self, user: &str, password: &str) -> Self {
        let mut other = self.clone();
        other.options = other.options.username(user).password(password);
        other
    }

    /// Opens a connection that the server lists under `application_name`.
    pub async fn connect(&self, application_name: &str) -> Result<PgConnection, sqlx::Error> {
        self.tls.require_readable()?;
        let options = self.options.clone().application_name(application_name);
        let connected = PgConnection::connect_with(&options).await;
        connected.map_err(explain_tls_error)
    }

    /// User name.
    #[must_use]
    pub fn user(&self) -> &str {
        self.options.get_username()
    }

    /// Host name or address, also if a Unix socket is used.
    #[must_use]
    pub fn host(&self) -> &str {
        self.options.get_host()
    }

    /// Port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.options.get_port()
    }

    /// Database name.
    #[must_use]
    pub fn database(&self) -> &str {
        self.options.get_database().unwrap_or(self.user())
    }

    /// Folder of the server's Unix socket; `None` if the connection uses TCP.
    #[must_use]
    pub fn socket(&self) -> Option<PathBuf> {
        socket(&self.options)
    }

    /// `host:port/database`, for messages.
    pub(crate) fn address(&self) -> String {
        format!("{}/{}", self.host_and_port(), self.database())
    }

    /// `host:port`, for messages about all databases of the server.
    pub(crate) fn host_and_port(&self) -> String {
        match self.socket() {
            Some(socket) => format!("{}:{}", socket.display(), self.port()),
            None => format!("{}:{}", self.host(), self.port()),
        }
    }

    /// The URL without the password.
    pub(crate) fn url(&self) -> String {
        let host = Some(self.host()).filter(|host| !host.starts_with('/'));
        let (host, port) = (host.unwrap_or("localhost"), self.port());
        let socket = self.socket().map(|socket| format!("host={}", socket.display()));
        let query: Vec<_> = socket.into_iter().chain(self.tls_parameters.iter().cloned()).collect();
        let mark = if query.is_empty() { "" } else { "?" };
        format!(
            "postgres://{}@{host}:{port}/{}{mark}{}",
            self.user(),
            self.database(),
            query.join("&")
        )
    }
}

fn socket(options: &PgConnectOptions) -> Option<PathBuf> {
    // Without a host, the driver takes the folder where the server's socket is as the host.
    let host = options.get_host();
    let own = options.get_socket().cloned();
    own.or_else(|| host.starts_with('/').then(|| PathBuf::from(host)))
}

/// The mode of the driver that keeps the promise of the URL's mode.
///
/// - To another machine, `disable`, and `allow`, which the driver takes for it, are refused without a reason. `prefer`,
///   the mode of a URL without one, becomes `require`: the driver would fall back to plain text and tell nobody. A name is another
///   machine, even if it resolves to this one, except `localhost`.
/// - `require` with an authority becomes `verify-ca`, as with libpq. The driver would verify nothing.
/// - `verify-ca` is refused unless only the named authority is trusted. The driver also trusts the authorities of the
///   machine, each of which certifies anybody; only `verify-full`, which compares names, is safe with them.
/// - A Unix socket has no TLS, as with libpq.
fn settle_mode(options: &PgConnectOptions, tls: &TlsFiles, plain_text: Option<&str>) -> Result<PgSslMode, OpenError> {
    if socket(options).is_some() {
        return Ok(PgSslMode::Disable);
    }
    let is_plain_text_safe = is_this_machine(options.get_host()) || plain_text.is_some();
    let mode = match options.get_ssl_mode() {
        mode @ (PgSslMode::Disable | PgSslMode::Allow) if !is_plain_text_safe => {
            return Err(OpenError::PlainText {
                host: options.get_host().to_owned(),
                mode: if matches!(mode, PgSslMode::Allow) {
                    "allow"
                } else {
                    "disable"
                },
            });
        }
        PgSslMode::Prefer if !is_plain_text_safe => PgSslMode::Require,
        mode => mode,
    };
    match mode {
        PgSslMode::Require if tls.has_authority() => {
            tls.require_sole_authority()?;
            Ok(PgSslMode::VerifyCa)
        }
        PgSslMode::VerifyCa => {
            tls.require_sole_authority()?;
            Ok(PgSslMode::VerifyCa)
        }
        mode => Ok(mode),
    }
}

fn is_this_machine(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}
