//! Who answers at an address: which contract, and which store.

use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;

use http::HeaderValue;
use offshoot_contract::Contract;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What `GET /modules/<name>/contract` answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The contract's name.
    pub name: String,
    /// The versions served beside each other.
    pub versions: Vec<ServedVersion>,
    /// The module's database.
    pub store_id: Uuid,
    /// This process.
    pub instance: Uuid,
}

/// A version that a module serves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServedVersion {
    /// `major.minor`.
    pub version: String,
    /// SHA-256 over the contract's shape.
    pub hash: String,
}

/// The store that a client expects behind its address: given, or that of the first answer.
pub struct ExpectedStore {
    store: OnceLock<Uuid>,
    learned: Box<dyn Fn(Uuid) + Send + Sync>,
}

impl ExpectedStore {
    /// Expects `store`.
    #[must_use]
    pub fn exactly(store: Uuid) -> Self {
        let expected = Self::first(|_| {});
        let _ = expected.store.set(store);
        expected
    }

    /// Expects the store of the first answer from then on, and tells `learned` about it.
    pub fn first(learned: impl Fn(Uuid) + Send + Sync + 'static) -> Self {
        Self {
            store: OnceLock::new(),
            learned: Box::new(learned),
        }
    }

    /// The store, once it is known.
    #[must_use]
    pub fn get(&self) -> Option<Uuid> {
        self.store.get().copied()
    }

    /// The expected store, which is `seen` if none was known.
    pub(crate) fn meet(&self, seen: Uuid) -> Uuid {
        *self.store.get_or_init(|| {
            (self.learned)(seen);
            seen
        })
    }
}

impl fmt::Debug for ExpectedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ExpectedStore").field(&self.get()).finish()
    }
}

/// A contract and a store as the header names them: `readings/1 store=<uuid> hash=<hex>`. A request may leave the store
/// open, and has no hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) contract: String,
    pub(crate) store: Option<Uuid>,
    pub(crate) hash: Option<String>,
}

impl Named {
    pub(crate) fn of<A: Contract + ?Sized>(store: Option<Uuid>, hash: Option<String>) -> Self {
        Self {
            contract: format!("{}/{}", A::NAME, A::VERSION.major),
            store,
            hash,
        }
    }

    pub(crate) fn header(&self) -> HeaderValue {
        // Names are lower-case ASCII, the rest hexadecimal.
        HeaderValue::try_from(self.to_string()).unwrap_or_else(|_| HeaderValue::from_static("unnamed"))
    }

    /// Whether `server` is what a request to `self` means.
    pub(crate) fn is_met_by(&self, server: &Self) -> bool {
        self.contract == server.contract && (self.store.is_none() || self.store == server.store)
    }
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.contract)?;
        if let Some(store) = self.store {
            write!(f, " store={store}")?;
        }
        if let Some(hash) = &self.hash {
            write!(f, " hash={hash}")?;
        }
        Ok(())
    }
}

impl FromStr for Named {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut words = text.split(' ');
        let mut named = Self {
            contract: words.next().filter(|word| word.contains('/')).ok_or(())?.to_owned(),
            store: None,
            hash: None,
        };
        for word in words {
            match word.split_once('=').ok_or(())? {
                ("store", id) => named.store = Some(id.parse().map_err(|_| ())?),
                ("hash", hash) => named.hash = Some(hash.to_owned()),
                _ => {}
            }
        }
        Ok(named)
    }
}
