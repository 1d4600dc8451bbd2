//! Link keys: secrets from which the token of a link is derived. A token opens what the link names, without an account.
//!
//! Nothing is stored: every process with the same keys makes the same token, also after a restart or a restore. The keys
//! are apart from the service keys, because links live longer than service keys should.

use std::path::Path;

use crate::keys::{ModuleKeys, ServiceKeys};
use crate::secret_file::SecretFileError;

/// The link keys of a deployment, in a file like that of the service keys. The first key makes tokens, all keys accept
/// them.
#[derive(Clone)]
pub struct LinkKeys {
    keys: ServiceKeys,
    derived: ModuleKeys,
}

impl LinkKeys {
    fn new(keys: ServiceKeys) -> Self {
        let derived = keys.derive("offshoot link".to_owned());
        Self { keys, derived }
    }

    /// Reads the keys from `path`. Fails if the file does not exist.
    pub fn load(path: &Path) -> Result<Self, SecretFileError> {
        ServiceKeys::load(path).map(Self::new)
    }

    /// Reads the keys from `path`, or creates the file with one random key and mode 0600.
    pub fn load_or_create(path: &Path) -> Result<Self, SecretFileError> {
        ServiceKeys::load_or_create(path).map(Self::new)
    }

    /// Replaces the keys by those in `path`. Keeps the keys if the file is not usable.
    pub fn reload(&self, path: &Path) -> Result<(), SecretFileError> {
        self.keys.reload(path)
    }

    /// The tokens that open `subject`, 64 hexadecimal digits each. The first one is the token to give out.
    #[must_use]
    pub fn tokens(&self, subject: &str) -> Vec<String> {
        self.derived.signatures(subject)
    }
}
