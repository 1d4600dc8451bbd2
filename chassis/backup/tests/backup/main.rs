//! Backups of a publisher and a subscriber on both engines: create, verify, restore, and the effect on the other
//! module.

#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod fixture;

// Integrity checks and refusals.
mod integrity;
mod refusals;
// Restores.
mod all_modules;
mod corrupt_files;
mod single_module;
// Comparison of the modules.
mod diagnosis;
