//! SQL of the projection. Runs in the caller's transaction or read and makes no decisions.

// Writes the projection.
pub(crate) mod projection;
// Reads groups for reports.
pub(crate) mod report;
