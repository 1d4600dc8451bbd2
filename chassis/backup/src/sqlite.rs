//! Snapshots of a module's file on SQLite, and putting one in its place.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use sqlx::Error;

use crate::aftermath::Finishing;
use crate::files;
use crate::link::{Link, failed};
use crate::{BackupError, FileEntry, ModuleBackup, ModuleData, Positions, TableEntry, tables};

/// What SQLite keeps beside a file.
const BESIDE: [&str; 2] = ["-wal", "-shm"];

/// A snapshot.
pub(crate) struct Snapshot {
    pub(crate) file: FileEntry,
    pub(crate) positions: Positions,
    pub(crate) tables: Vec<TableEntry>,
}

/// The name of a module's snapshot in a backup.
fn file_name(module: &str) -> String {
    format!("{module}.db")
}

/// Writes a consistent snapshot of the module's data, while others read and write it.
pub(crate) async fn snapshot(data: &ModuleData, link: &mut Link, directory: &Path) -> Result<Snapshot, BackupError> {
    if let Some(live) = data.file() {
        // What is in the log and not in the file yet counts too.
        let size = |path: &Path| fs::metadata(path).map_or(0, |file| file.len());
        files::require_room(directory, size(&live) + size(&beside(&live, BESIDE[0])))?;
    }
    let name = file_name(data.name());
    let path = directory.join(&name);
    // SQLite takes an empty file, which is private from the start.
    drop(files::new_file(&path)?);
    let literal = path.display().to_string().replace('\'', "''");
    let written = link.script(&format!("VACUUM INTO '{literal}'")).await;
    written.map_err(|cause| not_written(data, &path, cause))?;
    let synced = File::open(&path).and_then(|file| file.sync_all());
    synced.map_err(|cause| BackupError::write(&path, cause))?;
    let (bytes, sha256) = files::sum(&path).map_err(|cause| BackupError::read(&path, cause))?;
    let read = async {
        let mut copy = Link::to_read_file(&path).await?;
        let found = (Positions::read(&mut copy).await?, tables::counted(&mut copy).await?);
        copy.close().await.map(|()| found)
    };
    let (positions, tables) = read
        .await
        .map_err(|cause| failed(data, "reading the snapshot", cause))?;
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

/// A disk that takes no more says so, or fails the write.
fn not_written(data: &ModuleData, path: &Path, cause: Error) -> BackupError {
    match primary_code(&cause) {
        Some(13) => BackupError::DiskFull { path: path.to_owned() },
        // SQLITE_IOERR_WRITE: SQLite knows one cause of a full disk by its name, and there are others.
        Some(10) if extended_code(&cause) == Some(778) => BackupError::DiskFull { path: path.to_owned() },
        _ => failed(data, format!("writing {}", path.display()), cause),
    }
}

/// What is wrong with a snapshot, if anything is.
pub(crate) async fn check(path: &Path, backup: &ModuleBackup) -> Result<Vec<String>, Error> {
    let mut link = Link::to_read_file(path).await?;
    let found: Vec<(String,)> = link
        .all(
            offshoot_db::sql!("SELECT integrity_check FROM pragma_integrity_check"),
            (),
        )
        .await?;
    let mut wrong: Vec<_> = found
        .into_iter()
        .map(|(line,)| line)
        .filter(|line| line != "ok")
        .collect();
    let broken = offshoot_db::sql!("SELECT \"table\", count(*) FROM pragma_foreign_key_check GROUP BY 1");
    let broken: Vec<(String, i64)> = link.all(broken, ()).await?;
    wrong.extend(
        broken
            .iter()
            .map(|(table, rows)| format!("{rows} rows of {table} refer to rows that are not there")),
    );
    if wrong.is_empty() {
        let counted = tables::counted(&mut link).await?;
        let differs = |table: &&TableEntry| !counted.contains(table);
        wrong.extend(backup.tables.iter().filter(differs).map(|table| {
            let now = counted
                .iter()
                .find(|found| found.name == table.name)
                .map(|found| found.rows);
            format!("{} has {now:?} rows and the manifest says {}", table.name, table.rows)
        }));
    }
    link.close().await?;
    Ok(wrong)
}

/// Whether this process alone has the file. What is in its log is written into it on the way.
pub(crate) async fn is_free(file: &Path) -> Result<bool, Error> {
    let mut link = Link::to_change_file(file).await?;
    // Leaving the log behind takes a lock that nobody else's connection lets through.
    let alone = link
        .script("PRAGMA busy_timeout = 1000; PRAGMA journal_mode = DELETE")
        .await;
    link.close().await?;
    match alone {
        Ok(()) => Ok(true),
        Err(error) if matches!(primary_code(&error), Some(5 | 6)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether the file is none of SQLite's, or is damaged: a reason to restore, and nobody can work with it.
pub(crate) fn is_ruined(error: &Error) -> bool {
    matches!(primary_code(error), Some(11 | 26))
}

/// Puts a snapshot in the place of the module's file. Answers where the file that was there is now.
pub(crate) async fn restore(
    data: &ModuleData,
    file: &Path,
    backup: &ModuleBackup,
    directory: &Path,
    finishing: &Finishing,
) -> Result<Option<PathBuf>, BackupError> {
    let folder = file.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(|cause| BackupError::write(folder, cause))?;
    let draft = folder.join(format!(".{}.restored", file_name(data.name())));
    // Of a restore that was broken off.
    if let Err(cause) = fs::remove_file(&draft)
        && cause.kind() != ErrorKind::NotFound
    {
        return Err(BackupError::write(&draft, cause));
    }
    for entry in &backup.files {
        files::require_room(folder, entry.bytes)?;
        files::copy(&directory.join(&entry.path), &draft)?;
    }
    let finished = async {
        let mut link = Link::to_change_file(&draft).await?;
        link.script("BEGIN IMMEDIATE").await?;
        finishing.apply(&mut link).await?;
        link.script("COMMIT").await?;
        link.close().await
    };
    finished.await.map_err(|cause| not_written(data, &draft, cause))?;
    let aside = move_aside(file, &finishing.stamp)?;
    fs::rename(&draft, file).map_err(|cause| BackupError::write(file, cause))?;
    files::sync_directory(folder)?;
    Ok(aside)
}

fn move_aside(file: &Path, stamp: &str) -> Result<Option<PathBuf>, BackupError> {
    let mut aside = file.as_os_str().to_owned();
    aside.push(format!(".replaced-{stamp}"));
    let aside = PathBuf::from(aside);
    // Of a damaged file its log may be all that is left. A log without its file would be taken for that of the snapshot, and
    // ruin it.
    for ending in BESIDE {
        let (from, to) = (beside(file, ending), beside(&aside, ending));
        if from.exists() {
            fs::rename(&from, &to).map_err(|cause| BackupError::write(&to, cause))?;
        }
    }
    if !file.exists() {
        return Ok(None);
    }
    fs::rename(file, &aside).map_err(|cause| BackupError::write(&aside, cause))?;
    Ok(Some(aside))
}

fn beside(file: &Path, ending: &str) -> PathBuf {
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
