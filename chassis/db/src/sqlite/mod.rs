//! SQLite: one file per module.

mod alarm;
mod file;
mod open;

pub(crate) use crate::sqlite::file::{SqliteFile, SqliteLink};
pub(crate) use crate::sqlite::open::{open_existing, open_file};
