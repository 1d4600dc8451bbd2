//! Service tokens: how one process of a deployment knows another.
//!
//! A key of 32 bytes, in a file that only its owner reads, is shared by the processes. What travels is derived from it per module, so
//! that the key itself never does, and a token for one module opens no other.

use std::fmt;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use hmac::{Hmac, Mac as _};
use http::HeaderValue;
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

/// The key that the processes of one deployment share.
#[derive(Clone)]
pub struct ServiceKey([u8; 32]);

/// Opens one module's contract.
#[derive(Clone)]
pub struct ServiceToken(HeaderValue);

/// Why a key file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// It cannot be read or made.
    #[error("the service key {} cannot be read or made: its folder must be one that this process can write", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It does not hold a key.
    #[error("the service key {} is not 64 hexadecimal digits: remove the file to have a new one made, then restart every process that uses it", .0.display())]
    Malformed(PathBuf),
    /// Others than its owner may read it.
    #[error("the service key {} may be read by others than its owner: `chmod 600` it", .0.display())]
    TooOpen(PathBuf),
}

impl ServiceKey {
    /// A new key.
    #[must_use]
    pub fn random() -> Self {
        Self(rand::random())
    }

    /// Reads the key from `path`, or makes one there with mode 0600. Two processes that start at once get the same.
    pub fn load_or_create(path: &Path) -> Result<Self, KeyFileError> {
        let io = |source| KeyFileError::Io {
            path: path.to_owned(),
            source,
        };
        match fs::read_to_string(path) {
            Ok(text) => Self::parse(path, &text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                create(path, &Self::random()).map_err(io)?;
                let text = fs::read_to_string(path).map_err(io)?;
                Self::parse(path, &text)
            }
            Err(error) => Err(io(error)),
        }
    }

    fn parse(path: &Path, text: &str) -> Result<Self, KeyFileError> {
        use std::os::unix::fs::PermissionsExt as _;
        let metadata = fs::metadata(path).map_err(|source| KeyFileError::Io {
            path: path.to_owned(),
            source,
        })?;
        if metadata.permissions().mode() & 0o077 != 0 {
            return Err(KeyFileError::TooOpen(path.to_owned()));
        }
        let digits = text.trim();
        let byte = |place: usize| u8::from_str_radix(digits.get(place..place + 2)?, 16).ok();
        let bytes: Option<Vec<u8>> = (0..64).step_by(2).map(byte).collect();
        let key = bytes
            .filter(|_| digits.len() == 64)
            .and_then(|bytes| bytes.try_into().ok());
        key.map(Self).ok_or_else(|| KeyFileError::Malformed(path.to_owned()))
    }

    /// The token for `module`'s contract.
    #[must_use]
    pub fn token_for(&self, module: &str) -> ServiceToken {
        // HMAC takes keys of any length.
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).unwrap_or_else(|_| unreachable!());
        mac.update(b"offshoot contract ");
        mac.update(module.as_bytes());
        let text = format!("Bearer {}", hex(&mac.finalize().into_bytes()));
        let mut value = HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""));
        value.set_sensitive(true);
        ServiceToken(value)
    }
}

/// Writes the key beside its place and links it there, so that nobody ever reads half a key or replaces another's.
fn create(path: &Path, key: &ServiceKey) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    let draft = path.with_extension(format!("new-{:016x}", rand::random::<u64>()));
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)?;
    writeln!(file, "{}", hex(&key.0))?;
    file.sync_all()?;
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl ServiceToken {
    /// The value of the `Authorization` header, for those who call with a tool of their own. It is a secret.
    #[must_use]
    pub fn text(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    /// The `Authorization` header.
    pub(crate) fn header(&self) -> HeaderValue {
        self.0.clone()
    }

    /// Whether `presented` is this token. Takes the same time whatever is presented.
    pub(crate) fn admits(&self, presented: Option<&HeaderValue>) -> bool {
        presented.is_some_and(|value| bool::from(value.as_bytes().ct_eq(self.0.as_bytes())))
    }
}

// Secrets are not printed.
impl fmt::Debug for ServiceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServiceKey(..)")
    }
}
impl fmt::Debug for ServiceToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServiceToken(..)")
    }
}
