//! Service keys: secrets that the processes of one deployment share, in a file with mode 0600.
//!
//! Each line is a key. The first key signs, all keys verify. To rotate keys without a failed call, append the new key
//! in every process's file, then move the new key to the first line, then remove the old key.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::limits::MAX_KEYS;
use crate::secret_file::{self, SecretFileError};

/// The keys of a deployment: the first signs, all verify.
#[derive(Clone)]
pub struct ServiceKeys(Vec<[u8; 32]>);

/// Keys derived for one module's contract. They reveal nothing about the service keys or the keys of other modules.
#[derive(Clone)]
pub struct ModuleKeys(Arc<[Hmac<Sha256>]>);

impl ServiceKeys {
    /// A single random key.
    #[must_use]
    pub fn random() -> Self {
        Self(vec![rand::random()])
    }

    /// Reads the keys from `path`, or creates the file with one random key and mode 0600. Processes that start at the
    /// same time get the same key.
    pub fn load_or_create(path: &Path) -> Result<Self, SecretFileError> {
        Self::parse(
            path,
            &secret_file::read_or_create(path, || hex(&rand::random::<[u8; 32]>()))?,
        )
    }

    /// Reads the keys from `path`. Fails if the file does not exist.
    pub fn load(path: &Path) -> Result<Self, SecretFileError> {
        Self::parse(path, &secret_file::read(path)?)
    }

    fn parse(path: &Path, text: &str) -> Result<Self, SecretFileError> {
        let keys: Option<Vec<_>> = text.lines().map(|line| unhex(line.trim())).collect();
        let keys = keys.filter(|keys| (1..=MAX_KEYS).contains(&keys.len()));
        keys.map(Self).ok_or_else(|| SecretFileError::Malformed {
            path: path.to_owned(),
            wanted: "one or two lines of 64 hexadecimal digits",
        })
    }

    /// Derives the keys for `module`'s contract.
    #[must_use]
    pub fn for_module(&self, module: &str) -> ModuleKeys {
        let derive = |key: &[u8; 32]| {
            let mut derived = mac(key);
            derived.update(b"offshoot contract ");
            derived.update(module.as_bytes());
            mac(&derived.finalize().into_bytes())
        };
        ModuleKeys(self.0.iter().map(derive).collect())
    }
}

impl ModuleKeys {
    /// Signature of `claims` by the first key, hexadecimal.
    pub(crate) fn sign(&self, claims: &str) -> String {
        // `parse` guarantees at least one key.
        self.0.first().map_or_else(String::new, |key| {
            let mut signing = key.clone();
            signing.update(claims.as_bytes());
            hex(&signing.finalize().into_bytes())
        })
    }

    /// Whether one of the keys made `signature`. Compares in constant time.
    pub(crate) fn verify(&self, claims: &str, signature: &str) -> bool {
        let Some(signature) = unhex(signature) else {
            return false;
        };
        self.0.iter().any(|key| {
            let mut checking = key.clone();
            checking.update(claims.as_bytes());
            checking.verify_slice(&signature).is_ok()
        })
    }
}

fn mac(key: &[u8]) -> Hmac<Sha256> {
    // HMAC accepts keys of any length.
    Hmac::new_from_slice(key).unwrap_or_else(|_| unreachable!())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Decodes 64 lower-case hexadecimal digits.
fn unhex(digits: &str) -> Option<[u8; 32]> {
    let digits = digits.as_bytes();
    let digit = |at: usize| match digits.get(at)? {
        byte @ b'0'..=b'9' => Some(byte - b'0'),
        byte @ b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; 32];
    for (place, byte) in bytes.iter_mut().enumerate() {
        *byte = digit(2 * place)? << 4 | digit(2 * place + 1)?;
    }
    (digits.len() == 64).then_some(bytes)
}

// Debug output never contains a key.
impl fmt::Debug for ServiceKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServiceKeys(..)")
    }
}
impl fmt::Debug for ModuleKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ModuleKeys(..)")
    }
}
