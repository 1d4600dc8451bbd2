//! The rules, and the check of a project by all of them. Each rule reads a project and returns its violations; allowances
//! are applied last.

// Data ownership.
mod sql;
mod tables;
// Differences between the engines.
mod engines;
// Locks of migrations.
mod blocking;
// Dependencies between modules.
mod dependencies;
// Declarations of modules.
mod declarations;
// State in memory.
mod state;

use crate::allow::apply_allowances;
use crate::manifest::Manifest;
use crate::project::Project;
use crate::tables::Tables;
use crate::tokens::tokenize;
use crate::violation::{Rule, Violation};

impl Project {
    /// All violations, ordered by path and line.
    #[must_use]
    pub fn violations(&self) -> Vec<Violation> {
        let tables = Tables::from_project(self);
        let manifests = Manifest::read_all(self);
        let mut found = Vec::new();
        let mut sources = Vec::new();
        for file in self.files.iter().filter(|file| file.is_rust()) {
            match tokenize(file) {
                Ok(tokens) => sources.push((file, tokens)),
                Err(error) => found.push(Violation::new(
                    file,
                    error.line,
                    Rule::Unreadable,
                    format!("not valid Rust: {}", error.reason),
                )),
            }
        }
        for (file, tokens) in &sources {
            found.extend(sql::find_misplaced(self, file, tokens));
            found.extend(tables::find_in_code(self, file, tokens, &tables));
            found.extend(engines::find_in_code(self, file, tokens));
            found.extend(state::find_kept_state(self, file));
        }
        for file in &self.files {
            found.extend(tables::find_in_migrations(self, file, &tables));
        }
        found.extend(engines::find_in_migrations(self));
        found.extend(blocking::find_in_migrations(self));
        found.extend(declarations::find_disagreements(self, &sources, &manifests));
        found.extend(manifests.unreadable());
        found.extend(dependencies::find_implementation_dependencies(&manifests));
        found.extend(dependencies::find_cycles(&manifests));
        let mut found = apply_allowances(self, found);
        found.sort();
        found.dedup();
        found
    }
}
