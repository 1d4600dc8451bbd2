//! Static rules that keep modules splittable, checked over a project's sources. Reads files; compiles and runs nothing.
//!
//! This crate must not know any project: a [`Layout`] describes where modules, contracts and migrations are. A
//! [`Violation`] has a file and a line. A comment on the line before permits one violation and must state the reason:
//!
//! ```text
//! // offshoot: allow(state) counts for operators; no answer depends on it
//! ```
//!
//! Use `--` instead of `//` in SQL, and `#` in manifests. A [`Baseline`] lists the known violations of a project.

// A project: layout and files.
mod file;
mod layout;
mod project;
// Readers for manifests, declarations, contracts, SQL, table ownership and Rust tokens.
mod application;
mod contracts;
mod declarations;
mod manifest;
mod sql;
mod tables;
mod tokens;
// Rules and their results.
mod allow;
mod baseline;
mod rules;
mod violation;

pub use crate::baseline::{Baseline, BaselineComparison};
pub use crate::file::{CheckError, File};
pub use crate::layout::{Layout, SETTINGS};
pub use crate::project::Project;
pub use crate::tokens::{ParseError, Token, tokenize};
pub use crate::violation::{Rule, Violation};
