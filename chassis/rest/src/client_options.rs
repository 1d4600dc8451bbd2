//! Options of a REST client.

use std::sync::Arc;

use crate::address::Address;
use crate::identity::ExpectedStore;
use crate::keys::ModuleKeys;
use crate::limits::ClientLimits;
use crate::tls::SharedClientTls;

/// Addresses, credentials and limits of a client.
#[derive(Debug)]
pub struct ClientOptions {
    /// The processes that serve the module, all on one database.
    pub addresses: Vec<Address>,
    /// Zone of this process. Other zones are called only while every address in this zone is ejected.
    pub zone: Option<String>,
    /// Keys that sign the service tokens.
    pub keys: ModuleKeys,
    /// Store id that every response has to carry.
    pub store: Arc<ExpectedStore>,
    /// Limits on calls in flight, timeouts and ejection.
    pub limits: ClientLimits,
    /// TLS for `https` addresses, see [`client_tls`](crate::client_tls). With none, `https` addresses cannot be
    /// called.
    pub tls: Option<SharedClientTls>,
}

impl ClientOptions {
    /// Options for a single address, with default limits, no zone and no TLS.
    #[must_use]
    pub fn for_address(address: Address, keys: ModuleKeys, store: ExpectedStore) -> Self {
        Self {
            addresses: vec![address],
            zone: None,
            keys,
            store: Arc::new(store),
            limits: ClientLimits::default(),
            tls: None,
        }
    }
}
