//! Violations of rules. A message contains no line number, so that a baseline still matches when lines move.

use std::fmt;

use crate::file::File;

/// Rule that a violation breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// A module's SQL names a table or schema of another module or of the chassis, or switches role or database.
    ForeignTable,
    /// A migration creates a foreign key to another module's table.
    ForeignKey,
    /// A migration creates a view over another module's table.
    ForeignView,
    /// A module depends on another module's implementation.
    Implementation,
    /// Modules depend on each other in a cycle.
    Cycle,
    /// SQL is outside of the SQL macro, where no other rule sees the statement, or in code without data.
    Sql,
    /// SQL means different things on the two engines, or a migration has no twin for the other engine.
    Engines,
    /// A migration keeps readers or writers out while Postgres reads or writes all rows of a table.
    Blocking,
    /// The application's declaration of a module disagrees with code, manifests or migrations.
    Declaration,
    /// A module keeps state in memory between calls. Another replica, or the process after a move, lacks that state.
    State,
    /// An allowance has no reason or no effect.
    Allow,
    /// A file cannot be parsed, so no rule can check the file.
    Unreadable,
}

impl Rule {
    /// Rule name in reports and in allowances.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Rule::ForeignTable => "foreign-table",
            Rule::ForeignKey => "foreign-key",
            Rule::ForeignView => "foreign-view",
            Rule::Implementation => "implementation",
            Rule::Cycle => "cycle",
            Rule::Sql => "sql",
            Rule::Engines => "engines",
            Rule::Blocking => "blocking",
            Rule::Declaration => "declaration",
            Rule::State => "state",
            Rule::Allow => "allow",
            Rule::Unreadable => "unreadable",
        }
    }
}

/// A violation of a rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// Path from the project's root.
    pub path: String,
    /// Line, counted from one.
    pub line: usize,
    /// The violated rule.
    pub rule: Rule,
    /// Message without a line number.
    pub message: String,
}

impl Violation {
    pub(crate) fn new(file: &File, line: usize, rule: Rule, message: String) -> Self {
        Self {
            path: file.path.clone(),
            line,
            rule,
            message,
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            path,
            line,
            rule,
            message,
        } = self;
        write!(f, "{path}:{line}: {}: {message}", rule.as_str())
    }
}
