//! Identity of a server: the contract and the store that answer at an address.

use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;

use http::HeaderValue;
use offshoot_contract::{Contract, describe};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Query of an identity check that also asks for the build.
pub(crate) const WITH_BUILD: &str = "build=yes";

/// Response of `GET /modules/<name>/contract`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The contract's name.
    pub name: String,
    /// The versions served side by side.
    pub versions: Vec<ServedVersion>,
    /// Id of the module's database.
    pub store_id: Uuid,
    /// Id of the answering process: the same for all modules of the process, and another one after each start. The process
    /// sends heartbeats under this id to the module's database, which proves which data the process works on.
    pub instance: Uuid,
    /// Location of the module's data, without a password; `None` from older processes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// Newest migration of each set that the answering binary has, such as `readings 0003_stations`; empty from older processes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub migrations: Vec<String>,
    /// Whether the process was started as a candidate, and so does no background work before a plan allows some. Processes
    /// that are none leave the member out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub candidate: bool,
    /// SHA-256 of the answering executable, hexadecimal. Only in answers to a request for the build: the hash takes a while.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<String>,
}

/// A contract version that a module serves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServedVersion {
    /// `major.minor`.
    pub version: String,
    /// SHA-256 of the contract's description, hexadecimal.
    pub hash: String,
}

/// The store id that a client expects from its addresses: given, or decided once an address has shown an id.
///
/// A client without an expected store asks who answers before the first call, so that no call reaches an unknown store.
pub struct ExpectedStore {
    store: OnceLock<Uuid>,
    decide: Box<Decide>,
}

/// Decides which store is expected when `url` has shown the store `answered`. The error is the reason why none is.
type Decide = dyn Fn(Uuid, &str) -> Result<Uuid, String> + Send + Sync;

impl ExpectedStore {
    /// Expects `store`.
    #[must_use]
    pub fn exactly(store: Uuid) -> Self {
        Self {
            store: OnceLock::from(store),
            decide: Box::new(move |_, _| Ok(store)),
        }
    }

    /// Expects the store that `decide` returns for the store id that an address has shown, and that address. An error is
    /// the reason why no call is sent; the next call asks again.
    pub fn decided_by(decide: impl Fn(Uuid, &str) -> Result<Uuid, String> + Send + Sync + 'static) -> Self {
        Self {
            store: OnceLock::new(),
            decide: Box::new(decide),
        }
    }

    /// Expects the store that the first identity check finds.
    #[must_use]
    pub fn first_found() -> Self {
        Self::decided_by(|answered, _| Ok(answered))
    }

    /// The expected store id, if known.
    #[must_use]
    pub fn get(&self) -> Option<Uuid> {
        self.store.get().copied()
    }

    /// The expected store id; decides if none is known.
    pub(crate) fn get_or_decide(&self, answered: Uuid, url: &str) -> Result<Uuid, String> {
        match self.get() {
            Some(store) => Ok(store),
            None => {
                let decided = (self.decide)(answered, url)?;
                Ok(*self.store.get_or_init(|| decided))
            }
        }
    }
}

impl fmt::Debug for ExpectedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ExpectedStore").field(&self.get()).finish()
    }
}

/// Path above all methods of one version: `/modules/<name>/v<major>`.
pub(crate) fn surface_root(name: &str, major: u32) -> String {
    format!("/modules/{name}/v{major}")
}

/// A contract as a value.
#[derive(Debug)]
pub(crate) struct ContractIdentity {
    pub(crate) name: &'static str,
    pub(crate) major: u32,
    /// SHA-256 of the contract's description, hexadecimal.
    pub(crate) hash: String,
}

impl ContractIdentity {
    pub(crate) fn from_contract<A: Contract + ?Sized>() -> Self {
        Self {
            name: A::NAME,
            major: A::VERSION.major,
            hash: describe::<A>().hash,
        }
    }

    /// Path above all methods.
    pub(crate) fn root(&self) -> String {
        surface_root(self.name, self.major)
    }

    /// The header of a request. `store`: the addressed store, if known.
    pub(crate) fn request_header(&self, store: Option<Uuid>) -> ContractHeader {
        ContractHeader {
            contract: format!("{}/{}", self.name, self.major),
            store,
            hash: None,
        }
    }

    /// The header of a response from `store`.
    pub(crate) fn response_header(&self, store: Uuid) -> ContractHeader {
        ContractHeader {
            hash: Some(self.hash.clone()),
            ..self.request_header(Some(store))
        }
    }
}

/// Value of the `offshoot-contract` header: `readings/1 store=<uuid> hash=<hex>`. A request carries no hash, and may
/// leave the store out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ContractHeader {
    pub(crate) contract: String,
    pub(crate) store: Option<Uuid>,
    pub(crate) hash: Option<String>,
}

impl ContractHeader {
    pub(crate) fn to_header_value(&self) -> HeaderValue {
        // Contract names are lower-case ASCII, the rest is hexadecimal: always a valid header value.
        HeaderValue::try_from(self.to_string()).unwrap_or_else(|_| HeaderValue::from_static("unnamed"))
    }

    /// Whether `server` serves the contract and store that a request with this header addresses.
    pub(crate) fn accepts(&self, server: &Self) -> bool {
        self.contract == server.contract && (self.store.is_none() || self.store == server.store)
    }
}

impl fmt::Display for ContractHeader {
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

impl FromStr for ContractHeader {
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
