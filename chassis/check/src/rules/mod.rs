//! The rules: each reads a project and answers what breaks it. What is allowed is none of their business.

// Whose data is whose.
pub(crate) mod sql;
pub(crate) mod tables;
// Who may know whom.
pub(crate) mod dependencies;
// What a second process has not.
pub(crate) mod state;
