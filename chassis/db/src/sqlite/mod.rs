//! SQLite: one file per module.

mod deadline;
mod file;
mod open;

pub(crate) use crate::sqlite::file::{InterruptibleConnection, SqliteFile};
pub(crate) use crate::sqlite::open::{open_or_create, open_when_unlocked};
