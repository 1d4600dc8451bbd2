//! The files of a backup: private, on the disk before anything relies on them, and with a sum that is checked.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::BackupError;
use crate::positions::hex;

/// Read at once.
const CHUNK: usize = 1 << 16;
/// What has to stay free on a disk: a full one stops the store too.
const RESERVE: u64 = 16 << 20;

/// Makes the directory, or takes one that is empty. True if it was made.
pub(crate) fn claim(directory: &Path) -> Result<bool, BackupError> {
    match fs::read_dir(directory) {
        Ok(mut entries) => match entries.next() {
            None => Ok(false),
            Some(_) => Err(BackupError::NotEmpty {
                path: directory.to_owned(),
            }),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(directory);
            made.map_err(|cause| BackupError::write(directory, cause))
                .map(|()| true)
        }
        // A file, for instance.
        Err(cause) => Err(BackupError::write(directory, cause)),
    }
}

/// Removes what a backup that failed has left, so that a full disk is as free as before.
pub(crate) fn clear(directory: &Path, made: bool) {
    let entries = fs::read_dir(directory).into_iter().flatten().filter_map(Result::ok);
    for entry in entries {
        // What cannot be removed stays, without a manifest.
        let _ = match entry.file_type() {
            Ok(kind) if kind.is_dir() => fs::remove_dir_all(entry.path()),
            _ => fs::remove_file(entry.path()),
        };
    }
    if made {
        let _ = fs::remove_dir(directory);
    }
}

/// A new file that its owner alone reads.
pub(crate) fn new_file(path: &Path) -> Result<File, BackupError> {
    let options = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    options.map_err(|cause| BackupError::write(path, cause))
}

/// Writes a whole new file that survives the loss of power.
pub(crate) fn write_new(path: &Path, text: &[u8]) -> Result<(), BackupError> {
    let mut file = new_file(path)?;
    let written = file.write_all(text).and_then(|()| file.sync_all());
    written.map_err(|cause| BackupError::write(path, cause))
}

/// Has renames and new files in a directory survive the loss of power.
pub(crate) fn sync_directory(path: &Path) -> Result<(), BackupError> {
    let synced = File::open(path).and_then(|directory| directory.sync_all());
    synced.map_err(|cause| BackupError::write(path, cause))
}

/// Size and SHA-256 of a file.
pub(crate) fn sum(path: &Path) -> io::Result<(u64, String)> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut chunk = vec![0; CHUNK];
    let mut bytes = 0;
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok((bytes, hex(&hash.finalize()))),
            read => {
                hash.update(&chunk[..read]);
                bytes += read as u64;
            }
        }
    }
}

/// Fails if the disk of `directory` has no room for `needed` bytes and a reserve.
pub(crate) fn require_room(directory: &Path, needed: u64) -> Result<(), BackupError> {
    let disk = rustix::fs::statvfs(directory).map_err(|cause| BackupError::read(directory, cause.into()))?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    if free >= needed.saturating_add(RESERVE) {
        return Ok(());
    }
    Err(BackupError::NoRoom {
        path: directory.to_owned(),
        needed,
        free,
    })
}

/// Copies a file into a new one that is on the disk afterwards.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<(), BackupError> {
    let mut source = File::open(from).map_err(|cause| BackupError::read(from, cause))?;
    let mut target = new_file(to)?;
    let copied = io::copy(&mut source, &mut target).and_then(|_| target.sync_all());
    copied.map_err(|cause| BackupError::write(to, cause))
}

/// Passes on what is written and sums it up.
pub(crate) struct Summing<W> {
    inner: W,
    hash: Sha256,
    bytes: u64,
}

impl<W: Write> Summing<W> {
    pub(crate) fn new(inner: W) -> Self {
        Self {
            inner,
            hash: Sha256::new(),
            bytes: 0,
        }
    }

    pub(crate) fn end(self) -> (W, u64, String) {
        (self.inner, self.bytes, hex(&self.hash.finalize()))
    }
}

impl<W: Write> Write for Summing<W> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(data)?;
        self.hash.update(&data[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
