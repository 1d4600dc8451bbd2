//! The keys that the processes of one deployment share, in a file that only its owner reads.
//!
//! One line is a key. While keys are changed the file has two: the first signs, both are believed. So the new one is
//! added below the old one everywhere, then put above it, then the old one is removed, and no call fails.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use crate::secret_file::{self, SecretFileError};

/// Most keys at once: the one that signs, and the one before or after it.
const MOST: usize = 2;

/// The keys of a deployment: the first signs, all are believed.
#[derive(Clone)]
pub struct ServiceKeys(Vec<[u8; 32]>);

/// The same keys, as they open one module's contract. They are derived, and tell nothing about those of other modules.
#[derive(Clone)]
pub struct ModuleKeys(Arc<[Hmac<Sha256>]>);

impl ServiceKeys {
    /// One new key.
    #[must_use]
    pub fn random() -> Self {
        Self(vec![rand::random()])
    }

    /// Reads the keys from `path`, or makes one there with mode 0600. Two processes that start at once get the same.
    pub fn load_or_create(path: &Path) -> Result<Self, SecretFileError> {
        Self::parse(
            path,
            &secret_file::read_or_create(path, || hex(&rand::random::<[u8; 32]>()))?,
        )
    }

    /// Reads the keys from `path`, where they have to be.
    pub fn load(path: &Path) -> Result<Self, SecretFileError> {
        Self::parse(path, &secret_file::read(path)?)
    }

    fn parse(path: &Path, text: &str) -> Result<Self, SecretFileError> {
        let keys: Option<Vec<_>> = text.lines().map(|line| unhex(line.trim())).collect();
        let keys = keys.filter(|keys| (1..=MOST).contains(&keys.len()));
        keys.map(Self).ok_or_else(|| SecretFileError::Malformed {
            path: path.to_owned(),
            wanted: "one or two lines of 64 hexadecimal digits",
        })
    }

    /// As they open `module`'s contract.
    #[must_use]
    pub fn of(&self, module: &str) -> ModuleKeys {
        let derive = |key: &[u8; 32]| {
            let mut of_module = mac(key);
            of_module.update(b"offshoot contract ");
            of_module.update(module.as_bytes());
            mac(&of_module.finalize().into_bytes())
        };
        ModuleKeys(self.0.iter().map(derive).collect())
    }
}

impl ModuleKeys {
    /// A token under which `caller` may call for some minutes: the value of the `Authorization` header, for those who
    /// call with a tool of their own. It is a secret.
    #[must_use]
    pub fn token(&self, caller: &str) -> String {
        let (header, _) = crate::token::issue(self, caller, crate::token::now());
        header.to_str().unwrap_or_default().to_owned()
    }

    /// The signature under `claims`, hexadecimal.
    pub(crate) fn sign(&self, claims: &str) -> String {
        // There is at least one.
        self.0.first().map_or_else(String::new, |key| {
            let mut signing = key.clone();
            signing.update(claims.as_bytes());
            hex(&signing.finalize().into_bytes())
        })
    }

    /// Whether one of the keys made `signature`. Takes the same time whatever it is.
    pub(crate) fn signed(&self, claims: &str, signature: &str) -> bool {
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
    // HMAC takes keys of any length.
    Hmac::new_from_slice(key).unwrap_or_else(|_| unreachable!())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// 64 lower-case digits as 32 bytes.
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

// Secrets are not printed.
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
