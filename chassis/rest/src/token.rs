//! Service tokens: how one process of a deployment knows another.
//!
//! A key of 32 bytes, in a file that only its owner reads, is shared by the processes. What travels is derived from it per module, so
//! that the key itself never does, and a token for one module opens no other.

use std::fmt;
use std::path::Path;

use hmac::{Hmac, Mac as _};
use http::HeaderValue;
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use crate::secret_file::{self, SecretFileError};

/// The key that the processes of one deployment share.
#[derive(Clone)]
pub struct ServiceKey([u8; 32]);

/// Opens one module's contract.
#[derive(Clone)]
pub struct ServiceToken(HeaderValue);

impl ServiceKey {
    /// A new key.
    #[must_use]
    pub fn random() -> Self {
        Self(rand::random())
    }

    /// Reads the key from `path`, or makes one there with mode 0600. Two processes that start at once get the same.
    pub fn load_or_create(path: &Path) -> Result<Self, SecretFileError> {
        let text = secret_file::read_or_create(path, || hex(&Self::random().0))?;
        let digits = text.trim();
        let byte = |place: usize| u8::from_str_radix(digits.get(place..place + 2)?, 16).ok();
        let bytes: Option<Vec<u8>> = (0..64).step_by(2).map(byte).collect();
        let key = bytes
            .filter(|_| digits.len() == 64)
            .and_then(|bytes| bytes.try_into().ok());
        key.map(Self).ok_or_else(|| SecretFileError::Malformed {
            path: path.to_owned(),
            wanted: "64 hexadecimal digits",
        })
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
