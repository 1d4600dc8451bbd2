//! What breaks a rule: where, which, and in words that stay the same when lines move.

use std::fmt;

use crate::file::File;

/// A rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// A module's SQL names another module's table or schema, or the chassis's tables, or becomes somebody else.
    ForeignTable,
    /// A migration makes a foreign key to another module's table.
    ForeignKey,
    /// A migration makes a view over another module's table.
    ForeignView,
    /// A module depends on another module's implementation.
    Implementation,
    /// Modules depend on each other in a circle.
    Cycle,
    /// SQL stands outside its macro, where no other rule sees it, or in code that has no data.
    Sql,
    /// A module keeps state in memory between calls, which its next process, or its other replica, has not.
    State,
    /// An allowance without a reason, or without anything to allow.
    Allow,
    /// A file that cannot be understood, so that nothing is known of it.
    Unreadable,
}

impl Rule {
    /// Its name, as it is printed and allowed.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Rule::ForeignTable => "foreign-table",
            Rule::ForeignKey => "foreign-key",
            Rule::ForeignView => "foreign-view",
            Rule::Implementation => "implementation",
            Rule::Cycle => "cycle",
            Rule::Sql => "sql",
            Rule::State => "state",
            Rule::Allow => "allow",
            Rule::Unreadable => "unreadable",
        }
    }
}

/// A place that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// From the project's root.
    pub path: String,
    /// Counted from one.
    pub line: usize,
    /// Which rule.
    pub rule: Rule,
    /// What is wrong, without the line.
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
