//! Files of a backup: owner-only, synced to disk, and checksummed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::error::BackupError;
use crate::limits::{CHUNK_BYTES, RESERVED_BYTES};
use crate::positions::hex;

/// Creates `directory`, or accepts an empty directory. Returns true if the directory was created.
pub(crate) fn claim_directory(directory: &Path) -> Result<bool, BackupError> {
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
        // `directory` may be a file.
        Err(cause) => Err(BackupError::write(directory, cause)),
    }
}

/// Removes the files of a failed backup, so that the disk has the former free space again. Removes the directory if the
/// backup created the directory (`made`).
pub(crate) fn discard_backup(directory: &Path, made: bool) {
    let entries = fs::read_dir(directory).into_iter().flatten().filter_map(Result::ok);
    for entry in entries {
        // A file that cannot be removed stays, without a manifest.
        let _ = match entry.file_type() {
            Ok(kind) if kind.is_dir() => fs::remove_dir_all(entry.path()),
            _ => fs::remove_file(entry.path()),
        };
    }
    if made {
        let _ = fs::remove_dir(directory);
    }
}

/// Creates a file that only its owner can read.
pub(crate) fn new_file(path: &Path) -> Result<File, BackupError> {
    let options = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    options.map_err(|cause| BackupError::write(path, cause))
}

/// Creates a file with `text` and syncs the file to disk.
pub(crate) fn write_new_file(path: &Path, text: &[u8]) -> Result<(), BackupError> {
    let mut file = new_file(path)?;
    let written = file.write_all(text).and_then(|()| file.sync_all());
    written.map_err(|cause| BackupError::write(path, cause))
}

/// Syncs a directory, so that renames and new files in the directory survive a power loss.
pub(crate) fn sync_directory(path: &Path) -> Result<(), BackupError> {
    let synced = File::open(path).and_then(|directory| directory.sync_all());
    synced.map_err(|cause| BackupError::write(path, cause))
}

/// Size in bytes and SHA-256 of a file.
pub(crate) fn checksum(path: &Path) -> io::Result<(u64, String)> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut chunk = vec![0; CHUNK_BYTES];
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

/// Fails if the disk of `directory` has fewer than `needed` bytes plus [`RESERVED_BYTES`] free.
pub(crate) fn require_free_space(directory: &Path, needed: u64) -> Result<(), BackupError> {
    let disk = rustix::fs::statvfs(directory).map_err(|cause| BackupError::read(directory, cause.into()))?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    if free >= needed.saturating_add(RESERVED_BYTES) {
        return Ok(());
    }
    Err(BackupError::InsufficientSpace {
        path: directory.to_owned(),
        needed,
        free,
    })
}

/// Copies a file into a new file and syncs the new file to disk.
pub(crate) fn copy_file(from: &Path, to: &Path) -> Result<(), BackupError> {
    let mut source = File::open(from).map_err(|cause| BackupError::read(from, cause))?;
    let mut target = new_file(to)?;
    let copied = io::copy(&mut source, &mut target).and_then(|_| target.sync_all());
    copied.map_err(|cause| BackupError::write(to, cause))
}

/// Writer that counts and hashes the bytes it passes on.
pub(crate) struct ChecksumWriter<W> {
    inner: W,
    hash: Sha256,
    bytes: u64,
}

impl<W: Write> ChecksumWriter<W> {
    pub(crate) fn new(inner: W) -> Self {
        Self {
            inner,
            hash: Sha256::new(),
            bytes: 0,
        }
    }

    pub(crate) fn finish(self) -> (W, u64, String) {
        (self.inner, self.bytes, hex(&self.hash.finalize()))
    }
}

impl<W: Write> Write for ChecksumWriter<W> {
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
