//! Snapshots of a schema on Postgres: its rows as the server gives them, in files of their own, and back.
//!
//! The schema itself is not copied. It comes from the migrations that the manifest names, and those since then are applied
//! to the rows that were put back.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use futures_util::TryStreamExt as _;
use offshoot_db::{AppliedMigration, DbOptions, migrate, migrate_to};
use sqlx::postgres::{PgConnectOptions, PgConnection};

use crate::aftermath::Finishing;
use crate::files::{self, Summing};
use crate::link::{Link, failed, quoted};
use crate::{BackupError, FileEntry, ModuleBackup, ModuleData, TableEntry, Tell, tables};

/// Read and sent at once.
const CHUNK: usize = 1 << 16;

/// The files of a snapshot, and what is in them.
pub(crate) struct Copied {
    pub(crate) files: Vec<FileEntry>,
    pub(crate) tables: Vec<TableEntry>,
    pub(crate) sequences: BTreeMap<String, (i64, bool)>,
}

/// Fixes what this connection sees, until it is closed: everything that is committed now.
pub(crate) async fn pin(link: &mut Link) -> Result<(), sqlx::Error> {
    link.script("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT 1 FROM offshoot_owner")
        .await
}

/// Copies all rows that the connection sees below `directory`.
pub(crate) async fn copy_out(
    data: &ModuleData,
    link: &mut Link,
    directory: &Path,
    tell: Tell<'_>,
) -> Result<Copied, BackupError> {
    let module = data.name();
    let folder = directory.join(module);
    fs::create_dir(&folder).map_err(|cause| BackupError::write(&folder, cause))?;
    let names = tables::names(link).await;
    let names = names.map_err(|cause| failed(data, "listing the tables", cause))?;
    let (mut files, mut copied) = (Vec::new(), Vec::new());
    for (number, name) in (1..).zip(names) {
        let columns = tables::columns(link, &name).await;
        let columns = columns.map_err(|cause| failed(data, format!("listing the columns of {name}"), cause))?;
        let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let path = if is_plain {
            format!("{module}/{name}.copy.gz")
        } else {
            format!("{module}/{number}.copy.gz")
        };
        let Link::Postgres(connection) = &mut *link else {
            continue;
        };
        let (rows, file) = copy_table(data, connection, &name, &columns, &directory.join(&path)).await?;
        let (bytes, sha256) = file;
        tell(format!("{module}: {name}, {rows} rows"));
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
    let sequences = tables::sequences(link).await;
    Ok(Copied {
        files,
        tables: copied,
        sequences: sequences.map_err(|cause| failed(data, "reading the sequences", cause))?,
    })
}

/// Answers the number of rows, and size and sum of the file.
async fn copy_table(
    data: &ModuleData,
    connection: &mut PgConnection,
    table: &str,
    columns: &[String],
    path: &Path,
) -> Result<(u64, (u64, String)), BackupError> {
    let reading = |cause| failed(data, format!("reading {table}"), cause);
    let writing = |cause| BackupError::write(path, cause);
    let mut file = GzEncoder::new(Summing::new(files::new_file(path)?), Compression::fast());
    // A table without columns has no list of them.
    let text = format!("COPY {} {} TO STDOUT", quoted(table), list(columns));
    let mut rows = 0;
    let mut stream = connection.copy_out_raw(&text).await.map_err(reading)?;
    while let Some(data) = stream.try_next().await.map_err(reading)? {
        // A line break inside of a value is written as two letters.
        rows += data.iter().filter(|byte| **byte == b'\n').count() as u64;
        file.write_all(&data).map_err(writing)?;
    }
    let (file, bytes, sum) = file.finish().map_err(writing)?.end();
    file.sync_all().map_err(writing)?;
    Ok((rows, (bytes, sum)))
}

fn list(columns: &[String]) -> String {
    let names: Vec<_> = columns.iter().map(|name| quoted(name)).collect();
    match names.is_empty() {
        true => String::new(),
        false => format!("({})", names.join(", ")),
    }
}

/// What is wrong with the rows in a file, if anything is.
pub(crate) fn check_rows(path: &Path, table: &TableEntry) -> io::Result<Option<String>> {
    let mut file = GzDecoder::new(File::open(path)?);
    let mut chunk = vec![0; CHUNK];
    let (mut rows, mut fields, mut is_open) = (0_u64, 1, false);
    loop {
        let read = match file.read(&mut chunk) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) => return Ok(Some(format!("it does not unpack: {error}"))),
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
                    return Ok(Some(format!("row {row} has {fields} values and not {expected}")));
                }
                _ => {}
            }
        }
    }
    Ok(if is_open {
        Some("its last row is cut off".to_owned())
    } else if rows == table.rows {
        None
    } else {
        Some(format!("it has {rows} rows and the manifest says {}", table.rows))
    })
}

/// Puts a snapshot in the place of the module's schema. Answers what the schema that was there is called now.
///
/// If anything fails, what was there is put back.
pub(crate) async fn restore(
    data: &ModuleData,
    login: &PgConnectOptions,
    backup: &ModuleBackup,
    directory: &Path,
    finishing: &Finishing,
    tell: Tell<'_>,
) -> Result<Option<String>, BackupError> {
    let module = data.name();
    let mut link = Link::as_owner(login, module)
        .await
        .map_err(|cause| failed(data, "connecting", cause))?;
    let there = link.has_schema(module).await;
    let aside = there
        .map_err(|cause| failed(data, "looking for the schema", cause))?
        .then(|| format!("{module}_replaced_{}", finishing.stamp));
    if let Some(aside) = &aside {
        let rename = format!("ALTER SCHEMA {} RENAME TO {}", quoted(module), quoted(aside));
        let renamed = link.script(&rename).await;
        renamed.map_err(|cause| failed(data, format!("renaming the schema to {aside}"), cause))?;
        tell(format!("{module}: the schema that was there is {aside} now"));
    }
    let filled = fill(data, login, backup, directory, finishing, tell).await;
    if let Err(error) = filled {
        let mut undo = format!("DROP SCHEMA IF EXISTS {} CASCADE;", quoted(module));
        if let Some(aside) = &aside {
            undo += &format!("ALTER SCHEMA {} RENAME TO {}", quoted(aside), quoted(module));
        }
        match link.script(&undo).await {
            Ok(()) => tell(format!("{module}: what was there is in its place again")),
            Err(undone) => tell(format!("{module}: what was there could not be put back: {undone}")),
        }
        return Err(error);
    }
    Ok(aside)
}

async fn fill(
    data: &ModuleData,
    login: &PgConnectOptions,
    backup: &ModuleBackup,
    directory: &Path,
    finishing: &Finishing,
    tell: Tell<'_>,
) -> Result<(), BackupError> {
    let module = data.name();
    let history = backup.positions.migrations.iter().map(|entry| AppliedMigration {
        set: entry.set.clone(),
        version: entry.version,
        name: entry.name.clone(),
    });
    let history: Vec<_> = history.collect();
    migrate_to(data.schema, login, &history, &DbOptions::default()).await?;
    let mut link = Link::as_owner(login, module)
        .await
        .map_err(|cause| failed(data, "connecting", cause))?;
    // Whoever starts too early writes nothing: the rows that follow bring the role that the backup has.
    let owner = quoted(&format!("{module}_owner"));
    let session = format!(
        "SET ROLE {owner}; SET search_path TO {}; SET statement_timeout TO 0; \
         UPDATE offshoot_owner SET role = 'fenced'; BEGIN",
        quoted(module)
    );
    let began = link.script(&session).await;
    began.map_err(|cause| failed(data, "taking the schema", cause))?;
    empty(&mut link, backup)
        .await
        .map_err(|cause| failed(data, "emptying the tables", cause))?;
    for table in &backup.tables {
        if let Link::Postgres(connection) = &mut link {
            copy_in(data, connection, table, directory).await?;
        }
        tell(format!("{module}: {}, {} rows", table.name, table.rows));
    }
    let finished = async {
        for (name, (last, called)) in &backup.sequences {
            let literal = quoted(name).replace('\'', "''");
            link.script(&format!("SELECT setval('{literal}', {last}, {called})"))
                .await?;
        }
        for table in &backup.tables {
            link.script(&format!("ALTER TABLE {} ENABLE TRIGGER USER", quoted(&table.name)))
                .await?;
        }
        finishing.apply(&mut link).await?;
        link.script("COMMIT").await
    };
    finished.await.map_err(|cause| failed(data, "finishing", cause))?;
    // What was migrated since the backup.
    migrate(data.schema, &data.url, &DbOptions::default()).await?;
    Ok(())
}

/// What the migrations put into the tables is in the backup too.
async fn empty(link: &mut Link, backup: &ModuleBackup) -> Result<(), sqlx::Error> {
    let names: Vec<_> = backup.tables.iter().map(|table| quoted(&table.name)).collect();
    for name in &names {
        link.script(&format!("ALTER TABLE {name} DISABLE TRIGGER USER")).await?;
    }
    match names.is_empty() {
        true => Ok(()),
        false => link.script(&format!("TRUNCATE {}", names.join(", "))).await,
    }
}

async fn copy_in(
    data: &ModuleData,
    connection: &mut PgConnection,
    table: &TableEntry,
    directory: &Path,
) -> Result<(), BackupError> {
    let Some(file) = &table.file else { return Ok(()) };
    let path = directory.join(file);
    let writing = |cause| failed(data, format!("writing {}", table.name), cause);
    let reading = |cause| BackupError::read(&path, cause);
    let mut rows = GzDecoder::new(File::open(&path).map_err(reading)?);
    let text = format!("COPY {} {} FROM STDIN", quoted(&table.name), list(&table.columns));
    let mut copy = connection.copy_in_raw(&text).await.map_err(writing)?;
    let mut chunk = vec![0; CHUNK];
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
    let what = format!("{written} rows were written and the manifest says {}", table.rows);
    Err(BackupError::damaged(&path, what))
}
