//! The copies as rows. Takes a transaction or a read and decides nothing.

// Written as events come in.
pub(crate) mod copy;
// Read as questions come in.
pub(crate) mod report;
