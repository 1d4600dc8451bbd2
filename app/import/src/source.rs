//! Reads the source of an import: a file, plain or gzip, or bytes embedded in the binary.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result};
use flate2::bufread::MultiGzDecoder;
use sha2::{Digest, Sha256};

/// Larger than the default of 8 KiB for fewer system calls, small enough for the processor's cache.
const BUFFER_BYTES: usize = 128 << 10;
/// Magic number of gzip (RFC 1952). The content decides, because a file name may be wrong.
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Source of an import: a name for messages, and the content.
#[derive(Debug, Clone)]
pub struct Source {
    name: String,
    content: Content,
}

#[derive(Debug, Clone)]
enum Content {
    File(PathBuf),
    Bytes(&'static [u8]),
}

/// An open source. Reads decompressed bytes.
pub(super) struct Opened {
    pub(super) reader: Box<dyn BufRead + Send>,
    pub(super) position: Position,
}

/// Bytes read of the total, as stored. Readable while another thread reads the source.
#[derive(Debug, Clone)]
pub(super) struct Position {
    read: Arc<AtomicU64>,
    pub(super) total: u64,
}

impl Position {
    pub(super) fn read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }
}

impl Source {
    /// A file, opened when the import starts.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        Self {
            name: path.display().to_string(),
            content: Content::File(path),
        }
    }

    /// Bytes of the binary.
    pub fn bytes(name: &str, bytes: &'static [u8]) -> Self {
        Self {
            name: name.to_owned(),
            content: Content::Bytes(bytes),
        }
    }

    /// Name in messages.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// SHA-256 of the stored content, in hexadecimal. Reads everything.
    pub fn fingerprint(&self) -> Result<String> {
        let (reader, _) = self.raw()?;
        let mut reader = BufReader::with_capacity(BUFFER_BYTES, reader);
        let mut hash = Sha256::new();
        loop {
            let bytes = reader
                .fill_buf()
                .with_context(|| format!("cannot read {}", self.name))?;
            if bytes.is_empty() {
                break;
            }
            hash.update(bytes);
            let read = bytes.len();
            reader.consume(read);
        }
        Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    pub(super) fn open(&self) -> Result<Opened> {
        let (raw, total) = self.raw()?;
        let read = Arc::new(AtomicU64::new(0));
        let counted = Counted {
            inner: raw,
            read: Arc::clone(&read),
        };
        let mut buffered = BufReader::with_capacity(BUFFER_BYTES, counted);
        let start = buffered
            .fill_buf()
            .with_context(|| format!("cannot read {}", self.name))?;
        let reader: Box<dyn BufRead + Send> = if start.starts_with(&GZIP_MAGIC) {
            Box::new(BufReader::with_capacity(BUFFER_BYTES, MultiGzDecoder::new(buffered)))
        } else {
            Box::new(buffered)
        };
        let position = Position { read, total };
        Ok(Opened { reader, position })
    }

    fn raw(&self) -> Result<(Box<dyn Read + Send>, u64)> {
        match &self.content {
            Content::Bytes(bytes) => Ok((Box::new(*bytes), bytes.len() as u64)),
            Content::File(path) => {
                let file = File::open(path).with_context(|| format!("cannot open {}", self.name))?;
                let total = file.metadata().map_or(0, |metadata| metadata.len());
                Ok((Box::new(file), total))
            }
        }
    }
}

struct Counted<R> {
    inner: R,
    read: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}
