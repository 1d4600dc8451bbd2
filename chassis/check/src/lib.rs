//! What keeps a module splittable, as rules over a project's sources. Reads files, compiles and runs nothing.
//!
//! Knows no project: where modules, contracts and migrations are is a [`Layout`], whose defaults are those of the
//! chassis. What is found is a [`Violation`] with file and line. One can be allowed where it stands, by a comment on the
//! line before, which has to say why:
//!
//! ```text
//! // offshoot: allow(state) counts for operators; no answer depends on it
//! ```
//!
//! (`--` instead of `//` in SQL, `#` in manifests.) A [`Baseline`] holds what a project has not mended yet.

// A project: its layout and files.
mod file;
mod layout;
mod project;
// What is read from them.
mod manifest;
mod sql;
mod tables;
mod tokens;
// What is found.
mod allow;
mod baseline;
mod rules;
mod violation;

pub use crate::baseline::{Baseline, Compared};
pub use crate::file::{CheckError, File};
pub use crate::layout::{Layout, SETTINGS};
pub use crate::project::Project;
pub use crate::tokens::{Token, Unreadable, tokens};
pub use crate::violation::{Rule, Violation};
