//! SQLite snapshots of a module's file, and replacing the file by a snapshot.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use offshoot_contract::fault_point;
use sqlx::Error;

use crate::connection::{Connection, database_error};
use crate::error::{BackupError, Unreplaced};
use crate::impact::Adjustments;
use crate::manifest::{FileEntry, ModuleBackup, TableEntry};
use crate::positions::Positions;
use crate::{ModuleData, files, tables};

/// Suffixes of the files that SQLite keeps beside a database: write-ahead log and shared memory.
const SIDE_FILES: [&str; 2] = ["-wal", "-shm"];

/// A snapshot file, with the positions and tables read from the file.
pub(crate) struct Snapshot {
    pub(crate) file: FileEntry,
    pub(crate) positions: Positions,
    pub(crate) tables: Vec<TableEntry>,
}

/// File name of a module's snapshot in a backup.
fn file_name(module: &str) -> String {
    format!("{module}.db")
}

/// Writes a consistent snapshot of the module's data while other processes read and write the data.
pub(crate) async fn take_snapshot(
    data: &ModuleData,
    connection: &mut Connection,
    directory: &Path,
) -> Result<Snapshot, BackupError> {
    if let Some(live) = data.file() {
        // Pages in the write-ahead log count too: VACUUM INTO writes them into the snapshot.
        let size = |path: &Path| fs::metadata(path).map_or(0, |file| file.len());
        files::require_free_space(directory, size(&live) + size(&side_file(&live, SIDE_FILES[0])))?;
    }
    let name = file_name(data.name());
    let path = directory.join(&name);
    // VACUUM INTO accepts an existing empty file. Creating the file first keeps the snapshot owner-only from the start.
    drop(files::new_file(&path)?);
    let literal = path.display().to_string().replace('\'', "''");
    let written = connection.execute_script(&format!("VACUUM INTO '{literal}'")).await;
    written.map_err(|cause| write_error(data, &path, cause))?;
    let synced = File::open(&path).and_then(|file| file.sync_all());
    synced.map_err(|cause| BackupError::write(&path, cause))?;
    let (bytes, sha256) = files::checksum(&path).map_err(|cause| BackupError::read(&path, cause))?;
    let read = async {
        let mut copy = Connection::open_snapshot(&path).await?;
        let found = (Positions::read(&mut copy).await?, tables::count_rows(&mut copy).await?);
        copy.close().await.map(|()| found)
    };
    let (positions, tables) = read
        .await
        .map_err(|cause| database_error(data, "reading the snapshot", cause))?;
    Ok(Snapshot {
        file: FileEntry {
            path: name,
            bytes,
            sha256,
        },
        positions,
        tables,
    })
}

/// Error of writing a database file: [`BackupError::DiskFull`] if SQLite reports a full disk or a failed write.
fn write_error(data: &ModuleData, path: &Path, cause: Error) -> BackupError {
    match primary_code(&cause) {
        Some(13) => BackupError::DiskFull { path: path.to_owned() },
        // SQLITE_IOERR_WRITE: SQLITE_FULL covers only one of the causes of a full disk.
        Some(10) if extended_code(&cause) == Some(778) => BackupError::DiskFull { path: path.to_owned() },
        _ => database_error(data, format!("writing {}", path.display()), cause),
    }
}

/// Problems of a snapshot file; empty if the snapshot is intact.
pub(crate) async fn find_problems(path: &Path, backup: &ModuleBackup) -> Result<Vec<String>, Error> {
    let mut connection = Connection::open_snapshot(path).await?;
    let found: Vec<(String,)> = connection
        .fetch_all(
            offshoot_db::sql!("SELECT integrity_check FROM pragma_integrity_check"),
            (),
        )
        .await?;
    let mut problems: Vec<_> = found
        .into_iter()
        .map(|(line,)| line)
        .filter(|line| line != "ok")
        .collect();
    let broken = offshoot_db::sql!("SELECT \"table\", count(*) FROM pragma_foreign_key_check GROUP BY 1");
    let broken: Vec<(String, i64)> = connection.fetch_all(broken, ()).await?;
    problems.extend(
        broken
            .iter()
            .map(|(table, rows)| format!("{rows} rows of {table} reference missing rows")),
    );
    if problems.is_empty() {
        let counted = tables::count_rows(&mut connection).await?;
        let differs = |table: &&TableEntry| !counted.contains(table);
        problems.extend(backup.tables.iter().filter(differs).map(|table| {
            match counted.iter().find(|found| found.name == table.name) {
                None => format!("the table {} is missing", table.name),
                Some(found) => format!(
                    "{} has {} rows, but the manifest records {}",
                    table.name, found.rows, table.rows
                ),
            }
        }));
    }
    connection.close().await?;
    Ok(problems)
}

/// Whether no other process has the file open. Checkpoints the write-ahead log into the file.
pub(crate) async fn is_unused(file: &Path) -> Result<bool, Error> {
    let mut connection = Connection::open_for_writing(file).await?;
    // Leaving WAL mode takes an exclusive lock, which fails while any other connection is open.
    let alone = connection
        .execute_script("PRAGMA busy_timeout = 1000; PRAGMA journal_mode = DELETE")
        .await;
    connection.close().await?;
    match alone {
        Ok(()) => Ok(true),
        Err(error) if matches!(primary_code(&error), Some(5 | 6)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether the error says that the file is not a SQLite database or is corrupt. No process can work with such a file.
pub(crate) fn is_corrupt(error: &Error) -> bool {
    matches!(primary_code(error), Some(11 | 26))
}

/// Writes the file that will replace the module's file, beside it. Changes nothing that a process reads.
pub(crate) async fn write_draft(
    data: &ModuleData,
    file: &Path,
    backup: &ModuleBackup,
    directory: &Path,
    adjustments: &Adjustments,
) -> Result<(), BackupError> {
    let folder = folder_of(file);
    fs::create_dir_all(folder).map_err(|cause| BackupError::write(folder, cause))?;
    let draft = draft_of(file, data);
    // An interrupted restore leaves a draft behind.
    if let Err(cause) = fs::remove_file(&draft)
        && cause.kind() != ErrorKind::NotFound
    {
        return Err(BackupError::write(&draft, cause));
    }
    for entry in &backup.files {
        files::require_free_space(folder, entry.bytes)?;
        files::copy_file(&directory.join(&entry.path), &draft)?;
    }
    let finished = async {
        let mut connection = Connection::open_for_writing(&draft).await?;
        connection.execute_script("BEGIN IMMEDIATE").await?;
        adjustments.apply(&mut connection).await?;
        connection.execute_script("COMMIT").await?;
        connection.close().await
    };
    finished.await.map_err(|cause| write_error(data, &draft, cause))
}

/// Replaces the module's file by the draft. Returns the path of the file moved aside, if there was one.
pub(crate) async fn put_draft_in_place(
    data: &ModuleData,
    file: &Path,
    adjustments: &Adjustments,
) -> Result<Option<PathBuf>, Unreplaced> {
    let aside = aside_of(file, &adjustments.suffix);
    let is_occupied = file.exists();
    let replaced = async {
        move_with_side_files(file, &aside)?;
        fault_point("restore-moved-aside").await;
        fs::rename(draft_of(file, data), file).map_err(|cause| BackupError::write(file, cause))?;
        files::sync_directory(folder_of(file))
    };
    match replaced.await {
        Ok(()) => Ok(is_occupied.then_some(aside)),
        Err(error) => {
            let is_undone = move_with_side_files(&aside, file).is_ok();
            Err(Unreplaced { error, is_undone })
        }
    }
}

fn folder_of(file: &Path) -> &Path {
    file.parent().unwrap_or(Path::new("."))
}

fn draft_of(file: &Path, data: &ModuleData) -> PathBuf {
    folder_of(file).join(format!(".{}.restored", file_name(data.name())))
}

fn aside_of(file: &Path, suffix: &str) -> PathBuf {
    let mut aside = file.as_os_str().to_owned();
    aside.push(format!(".replaced-{suffix}"));
    PathBuf::from(aside)
}

/// Moves a database file with the files beside it. Missing files are left out.
fn move_with_side_files(from: &Path, to: &Path) -> Result<(), BackupError> {
    // The write-ahead log moves too, and first: the log may hold the only readable data of a corrupt file, and SQLite would
    // apply a leftover log to the snapshot and corrupt the snapshot.
    let side_files = SIDE_FILES.map(|ending| (side_file(from, ending), side_file(to, ending)));
    for (from, to) in side_files.into_iter().chain([(from.to_owned(), to.to_owned())]) {
        if from.exists() {
            fs::rename(&from, &to).map_err(|cause| BackupError::write(&to, cause))?;
        }
    }
    Ok(())
}

fn side_file(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

fn extended_code(error: &Error) -> Option<u32> {
    error.as_database_error()?.code()?.parse().ok()
}

fn primary_code(error: &Error) -> Option<u32> {
    extended_code(error).map(|code| code & 0xff)
}
