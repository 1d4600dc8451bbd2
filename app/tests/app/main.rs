//! Tests of the application with all real modules in one process, each module on a SQLite file.

mod audiences;
mod command_line;
mod documented;
mod import;
mod openapi;
mod public_api;
mod refusals;
mod store;
