//! Service keys: secrets that the processes of one deployment share, in a file with mode 0600.
//!
//! Each line is a key. The first key signs, all keys verify. To rotate keys without a failed call, append the new key
//! in every process's file, then move the new key to the first line, then remove the old key. Running processes read the
//! file again with [`ServiceKeys::reload`].

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwap;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::limits::MAX_KEYS;
use crate::secret_file::{self, SecretFileError};

/// The keys of a deployment: the first signs, all verify. Clones share the keys, also after a reload.
#[derive(Clone)]
pub struct ServiceKeys(Arc<ArcSwap<KeySet>>);

struct KeySet {
    /// Counts the reloads.
    generation: u64,
    keys: Vec<[u8; 32]>,
}

/// Keys derived for one module's contract. They reveal nothing about the service keys or the keys of other modules.
#[derive(Clone)]
pub struct ModuleKeys(Arc<DerivedKeys>);

struct DerivedKeys {
    from: ServiceKeys,
    purpose: String,
    /// Derived again after a reload.
    latest: ArcSwap<DerivedSet>,
}

struct DerivedSet {
    generation: u64,
    keys: Vec<Hmac<Sha256>>,
}

impl ServiceKeys {
    fn new(keys: Vec<[u8; 32]>) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(KeySet { generation: 0, keys })))
    }

    /// A single random key.
    #[must_use]
    pub fn random() -> Self {
        Self::new(vec![rand::random()])
    }

    /// Reads the keys from `path`, or creates the file with one random key and mode 0600. Processes that start at the
    /// same time get the same key.
    pub fn load_or_create(path: &Path) -> Result<Self, SecretFileError> {
        let text = secret_file::read_or_create(path, || hex(&rand::random::<[u8; 32]>()))?;
        parse(path, &text).map(Self::new)
    }

    /// Reads the keys from `path`. Fails if the file does not exist.
    pub fn load(path: &Path) -> Result<Self, SecretFileError> {
        parse(path, &secret_file::read(path)?).map(Self::new)
    }

    /// Replaces the keys by those in `path`, in all clones and derived keys. Keeps the keys if the file is not usable.
    pub fn reload(&self, path: &Path) -> Result<(), SecretFileError> {
        let keys = parse(path, &secret_file::read(path)?)?;
        self.0.rcu(|old| KeySet {
            generation: old.generation + 1,
            keys: keys.clone(),
        });
        Ok(())
    }

    /// Derives the keys for `module`'s contract.
    #[must_use]
    pub fn for_module(&self, module: &str) -> ModuleKeys {
        self.derive(format!("offshoot contract {module}"))
    }

    pub(crate) fn derive(&self, purpose: String) -> ModuleKeys {
        let latest = ArcSwap::from_pointee(self.derived(&purpose));
        ModuleKeys(Arc::new(DerivedKeys {
            from: self.clone(),
            purpose,
            latest,
        }))
    }

    fn derived(&self, purpose: &str) -> DerivedSet {
        let set = self.0.load();
        let derive = |key: &[u8; 32]| {
            let mut derived = mac(key);
            derived.update(purpose.as_bytes());
            mac(&derived.finalize().into_bytes())
        };
        DerivedSet {
            generation: set.generation,
            keys: set.keys.iter().map(derive).collect(),
        }
    }
}

impl ModuleKeys {
    fn latest(&self) -> Arc<DerivedSet> {
        let DerivedKeys { from, purpose, latest } = &*self.0;
        if latest.load().generation != self.generation() {
            latest.store(Arc::new(from.derived(purpose)));
        }
        latest.load_full()
    }

    /// Changes with every reload of the service keys.
    pub(crate) fn generation(&self) -> u64 {
        self.0.from.0.load().generation
    }

    /// Signature of `claims` by the first key, hexadecimal.
    pub(crate) fn sign(&self, claims: &str) -> String {
        // `parse` guarantees at least one key.
        self.signatures(claims).into_iter().next().unwrap_or_default()
    }

    /// Signatures of `claims` by all keys, hexadecimal, the first key first.
    pub(crate) fn signatures(&self, claims: &str) -> Vec<String> {
        let sign = |key: &Hmac<Sha256>| {
            let mut signing = key.clone();
            signing.update(claims.as_bytes());
            hex(&signing.finalize().into_bytes())
        };
        self.latest().keys.iter().map(sign).collect()
    }

    /// Whether one of the keys made `signature`. Compares in constant time.
    pub(crate) fn verify(&self, claims: &str, signature: &str) -> bool {
        let Some(signature) = unhex(signature) else {
            return false;
        };
        self.latest().keys.iter().any(|key| {
            let mut checking = key.clone();
            checking.update(claims.as_bytes());
            checking.verify_slice(&signature).is_ok()
        })
    }
}

fn parse(path: &Path, text: &str) -> Result<Vec<[u8; 32]>, SecretFileError> {
    let keys: Option<Vec<_>> = text.lines().map(|line| unhex(line.trim())).collect();
    let keys = keys.filter(|keys| (1..=MAX_KEYS).contains(&keys.len()));
    keys.ok_or_else(|| SecretFileError::Malformed {
        path: path.to_owned(),
        wanted: "one or two lines of 64 hexadecimal digits",
    })
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
