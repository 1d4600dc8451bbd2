//! Tests of the application over its real modules, each on a SQLite file.

mod command_line;
mod import;
mod openapi;
mod public_api;
mod refusals;
mod store;
