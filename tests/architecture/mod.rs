//! Architecture rules over the sources: they keep each module splittable. Each rule has a twin test with a planted
//! violation.

// Dependencies.
mod chassis_vocabulary;
mod declarations;
mod declared;
mod dependencies;
mod implementations;
mod new_module;
// Modules inside a crate.
mod crate_modules;
mod module_cycles;
mod root_imports;
// Ownership of data.
mod check_rules;
mod migrations;
mod postgres_connections;
// Compatibility of contracts.
mod openapi;
mod released;
