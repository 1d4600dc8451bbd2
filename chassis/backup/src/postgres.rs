//! Postgres snapshots of a module's schema: rows exported by COPY into one file per table, and imported again.
//!
//! The schema itself is not copied. Restore applies the migrations named in the manifest, imports the rows, then
//! applies the later migrations.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use futures_util::TryStreamExt as _;
use offshoot_contract::fault_point;
use offshoot_db::{DbOptions, Engine, MigrationId, PostgresLogin, carried_migrations, migrate_to};
use sqlx::postgres::PgConnection;

use crate::connection::{Connection, database_error, quoted};
use crate::error::{BackupError, Unreplaced};
use crate::files::{self, ChecksumWriter};
use crate::impact::Adjustments;
use crate::limits::CHUNK_BYTES;
use crate::manifest::{FileEntry, ModuleBackup, TableEntry};
use crate::{ModuleData, Progress, tables};

/// Files of a snapshot, with their tables and sequences.
pub(crate) struct Copied {
    pub(crate) files: Vec<FileEntry>,
    pub(crate) tables: Vec<TableEntry>,
    pub(crate) sequences: BTreeMap<String, (i64, bool)>,
}

/// Pins the connection's snapshot to everything committed by now, until the connection closes.
pub(crate) async fn pin_snapshot(connection: &mut Connection) -> Result<(), sqlx::Error> {
    connection
        .execute_script("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT 1 FROM offshoot_owner")
        .await
}

/// Exports every table of the connection's schema into files below `directory`.
pub(crate) async fn copy_out_tables(
    data: &ModuleData,
    connection: &mut Connection,
    directory: &Path,
    progress: Progress<'_>,
) -> Result<Copied, BackupError> {
    let module = data.name();
    let folder = directory.join(module);
    fs::create_dir(&folder).map_err(|cause| BackupError::write(&folder, cause))?;
    let names = tables::list_tables(connection).await;
    let names = names.map_err(|cause| database_error(data, "listing the tables", cause))?;
    let (mut files, mut copied) = (Vec::new(), Vec::new());
    for (number, name) in (1..).zip(names) {
        let columns = tables::list_columns(connection, &name).await;
        let columns = columns.map_err(|cause| database_error(data, format!("listing the columns of {name}"), cause))?;
        let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let path = if is_plain {
            format!("{module}/{name}.copy.gz")
        } else {
            format!("{module}/{number}.copy.gz")
        };
        let Connection::Postgres(connection) = &mut *connection else {
            continue;
        };
        let (rows, file) = copy_out_table(data, connection, &name, &columns, &directory.join(&path)).await?;
        let (bytes, sha256) = file;
        progress(format!("{module}: {name}, {rows} rows"));
        files.push(FileEntry {
            path: path.clone(),
            bytes,
            sha256,
        });
        copied.push(TableEntry {
            name,
            rows,
            columns,
            file: Some(path),
        });
    }
    files::sync_directory(&folder)?;
    let sequences = tables::read_sequences(connection).await;
    Ok(Copied {
        files,
        tables: copied,
        sequences: sequences.map_err(|cause| database_error(data, "reading the sequences", cause))?,
    })
}

/// Exports one table. Returns the number of rows, and the size and checksum of the file.
async fn copy_out_table(
    data: &ModuleData,
    connection: &mut PgConnection,
    table: &str,
    columns: &[String],
    path: &Path,
) -> Result<(u64, (u64, String)), BackupError> {
    let reading = |cause| database_error(data, format!("reading {table}"), cause);
    let writing = |cause| BackupError::write(path, cause);
    let mut file = GzEncoder::new(ChecksumWriter::new(files::new_file(path)?), Compression::fast());
    // COPY rejects an empty column list, so the list is left out for a table without columns.
    let text = format!("COPY {} {} TO STDOUT", quoted(table), column_list(columns));
    let mut rows = 0;
    let mut stream = connection.copy_out_raw(&text).await.map_err(reading)?;
    while let Some(data) = stream.try_next().await.map_err(reading)? {
        // COPY escapes a line break inside a value as `\n`, so each line feed ends a row.
        rows += data.iter().filter(|byte| **byte == b'\n').count() as u64;
        file.write_all(&data).map_err(writing)?;
    }
    let (file, bytes, sum) = file.finish().map_err(writing)?.finish();
    file.sync_all().map_err(writing)?;
    Ok((rows, (bytes, sum)))
}

fn column_list(columns: &[String]) -> String {
    let names: Vec<_> = columns.iter().map(|name| quoted(name)).collect();
    match names.is_empty() {
        true => String::new(),
        false => format!("({})", names.join(", ")),
    }
}

/// The first problem of the rows in a file, if any.
pub(crate) fn check_rows(path: &Path, table: &TableEntry) -> io::Result<Option<String>> {
    let mut file = GzDecoder::new(File::open(path)?);
    let mut chunk = vec![0; CHUNK_BYTES];
    let (mut rows, mut fields, mut is_open) = (0_u64, 1, false);
    loop {
        let read = match file.read(&mut chunk) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) => return Ok(Some(format!("gzip decompression failed: {error}"))),
        };
        for byte in &chunk[..read] {
            is_open = *byte != b'\n';
            match byte {
                b'\t' => fields += 1,
                b'\n' if fields == table.columns.len().max(1) => {
                    rows += 1;
                    fields = 1;
                }
                b'\n' => {
                    let (row, expected) = (rows + 1, table.columns.len());
                    return Ok(Some(format!("row {row} has {fields} values instead of {expected}")));
                }
                _ => {}
            }
        }
    }
    Ok(if is_open {
        Some("the last row is truncated".to_owned())
    } else if rows == table.rows {
        None
    } else {
        Some(format!(
            "the file has {rows} rows, but the manifest records {}",
            table.rows
        ))
    })
}

/// Replaces the module's schema by a snapshot. Returns the name of the schema moved aside, if there was one.
///
/// If any step fails, the former schema is renamed back.
pub(crate) async fn restore_schema(
    data: &ModuleData,
    login: &PostgresLogin,
    backup: &ModuleBackup,
    directory: &Path,
    adjustments: &Adjustments,
    progress: Progress<'_>,
) -> Result<Option<String>, Unreplaced> {
    let module = data.name();
    let failed = |operation: String, cause| Unreplaced::unchanged(database_error(data, operation, cause));
    let mut connection = Connection::connect_as(login, module)
        .await
        .map_err(|cause| failed("connecting".to_owned(), cause))?;
    let exists = connection.has_schema(module).await;
    let aside = exists
        .map_err(|cause| failed("looking for the schema".to_owned(), cause))?
        .then(|| format!("{module}_replaced_{}", adjustments.suffix));
    if let Some(aside) = &aside {
        let rename = format!("ALTER SCHEMA {} RENAME TO {}", quoted(module), quoted(aside));
        let renamed = connection.execute_script(&rename).await;
        renamed.map_err(|cause| failed(format!("renaming the schema to {aside}"), cause))?;
        progress(format!("{module}: the existing schema was renamed to {aside}"));
    }
    fault_point("restore-moved-aside").await;
    let filled = fill_schema(data, login, backup, directory, adjustments, progress).await;
    if let Err(error) = filled {
        let mut undo = format!("DROP SCHEMA IF EXISTS {} CASCADE;", quoted(module));
        if let Some(aside) = &aside {
            undo += &format!("ALTER SCHEMA {} RENAME TO {}", quoted(aside), quoted(module));
        }
        let undone = connection.execute_script(&undo).await;
        let is_undone = undone.is_ok();
        match undone {
            Ok(()) => progress(format!("{module}: the existing schema was restored")),
            Err(undone) => progress(format!("{module}: the existing schema could not be restored: {undone}")),
        }
        return Err(Unreplaced { error, is_undone });
    }
    Ok(aside)
}

async fn fill_schema(
    data: &ModuleData,
    login: &PostgresLogin,
    backup: &ModuleBackup,
    directory: &Path,
    adjustments: &Adjustments,
    progress: Progress<'_>,
) -> Result<(), BackupError> {
    let module = data.name();
    let history = backup.positions.migrations.iter().map(|entry| MigrationId {
        set: entry.set.clone(),
        version: entry.version,
        name: entry.name.clone(),
    });
    let history: Vec<_> = history.collect();
    migrate_to(data.schema, login, &history, &DbOptions::default()).await?;
    let mut connection = Connection::connect_as(login, module)
        .await
        .map_err(|cause| database_error(data, "connecting", cause))?;
    // Fenced until the import commits, so that a process started too early cannot write. The imported owner row then
    // sets the backed-up role.
    let owner = quoted(&format!("{module}_owner"));
    let session = format!(
        "SET ROLE {owner}; SET search_path TO {}; SET statement_timeout TO 0; \
         UPDATE offshoot_owner SET role = 'fenced'; BEGIN",
        quoted(module)
    );
    let began = connection.execute_script(&session).await;
    began.map_err(|cause| database_error(data, "fencing the schema", cause))?;
    empty_tables(&mut connection, backup)
        .await
        .map_err(|cause| database_error(data, "emptying the tables", cause))?;
    for table in &backup.tables {
        if let Connection::Postgres(connection) = &mut connection {
            copy_in_table(data, connection, table, directory).await?;
        }
        progress(format!("{module}: {}, {} rows", table.name, table.rows));
    }
    let finished = async {
        for (name, (last, called)) in &backup.sequences {
            let literal = quoted(name).replace('\'', "''");
            connection
                .execute_script(&format!("SELECT setval('{literal}', {last}, {called})"))
                .await?;
        }
        for table in &backup.tables {
            connection
                .execute_script(&format!("ALTER TABLE {} ENABLE TRIGGER USER", quoted(&table.name)))
                .await?;
        }
        adjustments.apply(&mut connection).await?;
        connection.execute_script("COMMIT").await
    };
    finished
        .await
        .map_err(|cause| database_error(data, "finishing the import", cause))?;
    // Migrations added since the backup.
    let all = carried_migrations(data.schema, Engine::Postgres)?;
    let all: Vec<_> = all.into_iter().map(|(migration, _)| migration).collect();
    migrate_to(data.schema, login, &all, &DbOptions::default()).await?;
    Ok(())
}

/// Removes the rows that migrations inserted, because the backup contains these rows too. Disables triggers for the
/// import.
async fn empty_tables(connection: &mut Connection, backup: &ModuleBackup) -> Result<(), sqlx::Error> {
    let names: Vec<_> = backup.tables.iter().map(|table| quoted(&table.name)).collect();
    for name in &names {
        connection
            .execute_script(&format!("ALTER TABLE {name} DISABLE TRIGGER USER"))
            .await?;
    }
    match names.is_empty() {
        true => Ok(()),
        false => {
            connection
                .execute_script(&format!("TRUNCATE {}", names.join(", ")))
                .await
        }
    }
}

async fn copy_in_table(
    data: &ModuleData,
    connection: &mut PgConnection,
    table: &TableEntry,
    directory: &Path,
) -> Result<(), BackupError> {
    let Some(file) = &table.file else { return Ok(()) };
    let path = directory.join(file);
    let writing = |cause| database_error(data, format!("writing {}", table.name), cause);
    let reading = |cause| BackupError::read(&path, cause);
    let mut rows = GzDecoder::new(File::open(&path).map_err(reading)?);
    let text = format!(
        "COPY {} {} FROM STDIN",
        quoted(&table.name),
        column_list(&table.columns)
    );
    let mut copy = connection.copy_in_raw(&text).await.map_err(writing)?;
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        match rows.read(&mut chunk).map_err(reading)? {
            0 => break,
            read => drop(copy.send(&chunk[..read]).await.map_err(writing)?),
        }
    }
    let written = copy.finish().await.map_err(writing)?;
    if written == table.rows {
        return Ok(());
    }
    let reason = format!("{written} rows were imported, but the manifest records {}", table.rows);
    Err(BackupError::damaged(&path, reason))
}
