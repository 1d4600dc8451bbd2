//! Where a module's data lives. Never shows a password.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use sqlx::postgres::PgConnectOptions;

use crate::{Engine, OpenError};

/// Where a module's data lives.
///
/// As text: `sqlite:<directory>`, which holds one file per module, or `postgres://user:password@host/database`, which
/// holds one schema per module.
#[derive(Clone)]
pub enum DatabaseUrl {
    /// The directory of the files `<module>.db`.
    Sqlite(PathBuf),
    /// Server, login and database. Behind PgBouncer, session pooling only: roles and prepared statements live as long
    /// as a session.
    Postgres(Box<PgConnectOptions>),
}

impl DatabaseUrl {
    /// Files in `directory`.
    pub fn sqlite(directory: impl Into<PathBuf>) -> Self {
        Self::Sqlite(directory.into())
    }

    /// Which engine it names.
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
            // The parser's own message would not show the URL; neither do we, it may hold a password.
            let options = text.parse().map_err(|cause| OpenError::BadPostgresUrl { cause })?;
            return Ok(Self::Postgres(Box::new(options)));
        }
        match text.strip_prefix("sqlite:").map(|path| path.trim_start_matches("//")) {
            Some(path) if !path.is_empty() => Ok(Self::sqlite(path)),
            _ => Err(OpenError::BadUrl {
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
