//! Database URL of a module. Formatting a URL never shows the password.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::open_error::OpenError;
use crate::postgres::PostgresLogin;
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
    Postgres(Box<PostgresLogin>),
}

impl DatabaseUrl {
    /// SQLite files in `directory`.
    pub fn sqlite(directory: impl Into<PathBuf>) -> Self {
        Self::Sqlite(directory.into())
    }

    /// Parses a URL. `plain_text` is the reason why plain text to a Postgres server on another machine is safe. With none,
    /// connections to other machines are encrypted, and a URL that asks for plain text there is refused.
    pub fn parse(text: &str, plain_text: Option<&str>) -> Result<Self, OpenError> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(Self::Postgres(Box::new(PostgresLogin::parse(text, plain_text)?)));
        }
        match text.strip_prefix("sqlite:").map(|path| path.trim_start_matches("//")) {
            Some(path) if !path.is_empty() => Ok(Self::sqlite(path)),
            _ => Err(OpenError::InvalidUrl {
                scheme: text.split(':').next().unwrap_or_default().to_owned(),
            }),
        }
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
        Self::parse(text, None)
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DatabaseUrl::Sqlite(directory) => write!(f, "sqlite:{}", directory.display()),
            DatabaseUrl::Postgres(login) => f.write_str(&login.url()),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
