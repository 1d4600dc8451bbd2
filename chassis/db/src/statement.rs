//! SQL statement as a constant: one text per engine and the source position. This file must not know connections.

use std::fmt;

/// Database engine of a module's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Engine {
    /// One file per module.
    Sqlite,
    /// One schema per module.
    Postgres,
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Engine::Sqlite => "SQLite",
            Engine::Postgres => "Postgres",
        })
    }
}

/// One statement, made by [`sql!`](crate::sql). Parameters are `$1`, `$2`, ...
#[derive(Debug, Clone, Copy)]
pub struct Sql {
    sqlite: &'static str,
    postgres: &'static str,
    file: &'static str,
    line: u32,
}

impl Sql {
    /// Called by the expansion of `sql!`.
    #[doc(hidden)]
    #[must_use]
    pub const fn new(sqlite: &'static str, postgres: &'static str, file: &'static str, line: u32) -> Self {
        Self {
            sqlite,
            postgres,
            file,
            line,
        }
    }

    /// The text for `engine`.
    #[must_use]
    pub const fn text(self, engine: Engine) -> &'static str {
        match engine {
            Engine::Sqlite => self.sqlite,
            Engine::Postgres => self.postgres,
        }
    }

    /// The source file, as passed to the compiler.
    #[must_use]
    pub const fn file(self) -> &'static str {
        self.file
    }

    /// The line of `sql!` in that file.
    #[must_use]
    pub const fn line(self) -> u32 {
        self.line
    }
}

/// The source position, for messages.
impl fmt::Display for Sql {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// Declares a statement: one text for both engines, or one text per engine where the engines differ.
///
/// ```
/// use offshoot_db::{Engine, sql};
///
/// let both = sql!("SELECT name FROM stations WHERE id = $1");
/// let each = sql!(sqlite: "SELECT unixepoch()", postgres: "SELECT extract(epoch FROM now())::bigint");
/// assert_eq!(both.text(Engine::Sqlite), both.text(Engine::Postgres));
/// assert_ne!(each.text(Engine::Sqlite), each.text(Engine::Postgres));
/// ```
#[macro_export]
macro_rules! sql {
    (sqlite: $sqlite:expr, postgres: $postgres:expr $(,)?) => {
        const { $crate::Sql::new($sqlite, $postgres, file!(), line!()) }
    };
    ($text:expr $(,)?) => {
        const { $crate::Sql::new($text, $text, file!(), line!()) }
    };
}
