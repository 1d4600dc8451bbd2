//! Hash of this process's executable, which names the build. Computed at the first request: reading the executable would
//! delay the start.

use std::fs::File;
use std::io::{self, Read as _};

use sha2::{Digest as _, Sha256};
use tokio::sync::OnceCell;

/// The executable of this process, also after the file was replaced.
#[cfg(target_os = "linux")]
const RUNNING: &str = "/proc/self/exe";

/// Bytes read at a time.
const CHUNK_BYTES: usize = 64 << 10;

static HASH: OnceCell<String> = OnceCell::const_new();

/// SHA-256 of the executable, hexadecimal; `None` if the executable cannot be read.
pub async fn executable_hash() -> Option<String> {
    // A task of its own: a caller that goes away must not end the work, or a hash that takes longer than callers wait would
    // never be known.
    let hashed = tokio::spawn(HASH.get_or_try_init(|| async {
        let hashed = tokio::task::spawn_blocking(hash_executable).await;
        hashed.map_err(io::Error::other).flatten()
    }));
    match hashed.await.map_err(io::Error::other).flatten() {
        Ok(hash) => Some(hash.clone()),
        Err(error) => {
            tracing::warn!(%error, "the executable of this process cannot be read; its build is not known");
            None
        }
    }
}

fn hash_executable() -> io::Result<String> {
    #[cfg(target_os = "linux")]
    let mut file = File::open(RUNNING)?;
    #[cfg(not(target_os = "linux"))]
    let mut file = File::open(std::env::current_exe()?)?;
    let mut hash = Sha256::new();
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        match file.read(&mut chunk)? {
            0 => break,
            read => hash.update(&chunk[..read]),
        }
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
