//! The rules. Each rule reads a project and returns its violations; allowances are applied later.

// Data ownership.
pub(crate) mod sql;
pub(crate) mod tables;
// Dependencies between modules.
pub(crate) mod dependencies;
// State in memory.
pub(crate) mod state;
