//! Database URL of a module. Formatting a URL never shows the password.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use sqlx::postgres::PgConnectOptions;

use crate::open_error::OpenError;
use crate::statement::Engine;

/// Location of a module's data.
///
/// As text: `sqlite:<directory>` with one file per module, or `postgres://user:password@host/database` with one schema
/// per module.
#[derive(Clone)]
pub enum DatabaseUrl {
    /// The directory of the files `<module>.db`.
    Sqlite(PathBuf),
    /// Server, login and database. Behind PgBouncer only session pooling works: roles and prepared statements last as
    /// long as a session.
    Postgres(Box<PgConnectOptions>),
}

impl DatabaseUrl {
    /// SQLite files in `directory`.
    pub fn sqlite(directory: impl Into<PathBuf>) -> Self {
        Self::Sqlite(directory.into())
    }

    /// The engine named by the URL.
    #[must_use]
    pub const fn engine(&self) -> Engine {
        match self {
            DatabaseUrl::Sqlite(_) => Engine::Sqlite,
            DatabaseUrl::Postgres(_) => Engine::Postgres,
        }
    }
}

impl FromStr for DatabaseUrl {
    type Err = OpenError;

    fn from_str(text: &str) -> Result<Self, OpenError> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            // The error leaves out the URL, which may contain a password.
            let options = text.parse().map_err(|cause| OpenError::InvalidPostgresUrl { cause })?;
            return Ok(Self::Postgres(Box::new(options)));
        }
        match text.strip_prefix("sqlite:").map(|path| path.trim_start_matches("//")) {
            Some(path) if !path.is_empty() => Ok(Self::sqlite(path)),
            _ => Err(OpenError::InvalidUrl {
                scheme: text.split(':').next().unwrap_or_default().to_owned(),
            }),
        }
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DatabaseUrl::Sqlite(directory) => write!(f, "sqlite:{}", directory.display()),
            DatabaseUrl::Postgres(options) => {
                let database = options.get_database().unwrap_or(options.get_username());
                let (user, host, port) = (options.get_username(), options.get_host(), options.get_port());
                write!(f, "postgres://{user}@{host}:{port}/{database}")?;
                options
                    .get_socket()
                    .map_or(Ok(()), |socket| write!(f, "?host={}", socket.display()))
            }
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
