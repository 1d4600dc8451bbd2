//! Marks the data that a restore changes, so that no process opens the data before the restore has ended. The crate
//! `offshoot_db` looks for the marks.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use offshoot_db::{DatabaseUrl, PostgresLogin, restore_mark_file, restore_mark_schema};
use sqlx::Error;

use crate::connection::{Connection, database_error, quoted};
use crate::error::BackupError;
use crate::{ModuleData, files};

/// The marks of one restore.
pub(crate) struct Marks<'a> {
    data: Vec<&'a ModuleData>,
    /// The marks that this restore has set, and not an earlier one that was interrupted.
    new: Vec<&'a ModuleData>,
}

impl<'a> Marks<'a> {
    /// Marks the data of each module. `command` finishes the restore.
    pub(crate) async fn set(data: Vec<&'a ModuleData>, command: &str) -> Result<Self, BackupError> {
        let mut marks = Self { data, new: Vec::new() };
        for data in marks.data.clone() {
            match set(data, command).await {
                Ok(true) => marks.new.push(data),
                Ok(false) => {}
                Err(error) => {
                    marks.withdraw().await?;
                    return Err(error);
                }
            }
        }
        Ok(marks)
    }

    /// Removes the marks that this restore has set: nothing was changed under them.
    pub(crate) async fn withdraw(self) -> Result<(), BackupError> {
        remove_all(&self.new).await
    }

    /// Removes all marks: the restore has ended.
    pub(crate) async fn clear(self) -> Result<(), BackupError> {
        remove_all(&self.data).await
    }
}

/// Returns whether the mark is new. The command of an older mark is replaced: this restore changes the same data.
async fn set(data: &ModuleData, command: &str) -> Result<bool, BackupError> {
    match &data.url {
        DatabaseUrl::Sqlite(directory) => set_file(directory, data.name(), command),
        DatabaseUrl::Postgres(login) => {
            let marked = set_schema(data, login, command).await;
            marked.map_err(|cause| database_error(data, "marking the schema", cause))
        }
    }
}

fn set_file(directory: &Path, module: &str, command: &str) -> Result<bool, BackupError> {
    fs::create_dir_all(directory).map_err(|cause| BackupError::write(directory, cause))?;
    let mark = restore_mark_file(directory, module);
    let is_new = !mark.exists();
    let draft = mark.with_extension("restoring-draft");
    remove_file(&draft)?;
    files::write_new_file(&draft, format!("{command}\n").as_bytes())?;
    fs::rename(&draft, &mark).map_err(|cause| BackupError::write(&mark, cause))?;
    files::sync_directory(directory)?;
    Ok(is_new)
}

async fn set_schema(data: &ModuleData, login: &PostgresLogin, command: &str) -> Result<bool, Error> {
    let mark = restore_mark_schema(data.name());
    let mut connection = Connection::connect_as(login, data.name()).await?;
    let is_new = !connection.has_schema(&mark).await?;
    let create = if is_new {
        format!("CREATE SCHEMA {};", quoted(&mark))
    } else {
        String::new()
    };
    let literal = command.replace('\'', "''");
    let set = format!(
        "BEGIN; {create} COMMENT ON SCHEMA {} IS '{literal}'; COMMIT",
        quoted(&mark)
    );
    connection.execute_script(&set).await?;
    connection.close().await?;
    Ok(is_new)
}

async fn remove_all(all: &[&ModuleData]) -> Result<(), BackupError> {
    for data in all {
        match &data.url {
            DatabaseUrl::Sqlite(directory) => {
                remove_file(&restore_mark_file(directory, data.name()))?;
                files::sync_directory(directory)?;
            }
            DatabaseUrl::Postgres(login) => {
                let removed = remove_schema(data, login).await;
                removed.map_err(|cause| database_error(data, "removing the mark", cause))?;
            }
        }
    }
    Ok(())
}

async fn remove_schema(data: &ModuleData, login: &PostgresLogin) -> Result<(), Error> {
    let mut connection = Connection::connect_as(login, data.name()).await?;
    let mark = quoted(&restore_mark_schema(data.name()));
    connection
        .execute_script(&format!("DROP SCHEMA IF EXISTS {mark}"))
        .await?;
    connection.close().await
}

fn remove_file(mark: &Path) -> Result<(), BackupError> {
    match fs::remove_file(mark) {
        Err(cause) if cause.kind() != ErrorKind::NotFound => Err(BackupError::write(mark, cause)),
        _ => Ok(()),
    }
}
