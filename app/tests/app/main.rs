//! The application over its real modules, each on a SQLite file of its own.

mod command_line;
mod import;
mod openapi;
mod public_api;
mod refusals;
mod store;
