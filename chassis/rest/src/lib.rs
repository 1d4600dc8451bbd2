//! REST client and server for module contracts, shared by every contract.
//!
//! Knows contracts as values (`Contract`, `Method`), but no module and no database. Both sides check headers that carry
//! the caller's service token, the contract and the store.

// Encoding of calls.
mod headers;
mod request;
mod response;
mod scalars;
// Client and server.
mod admission;
mod client;
mod client_options;
mod encoded;
mod encoding_check;
mod module_client;
mod recorder;
mod served_method;
mod server;
mod surface;
mod transport;
// Load balancing and limits.
mod address;
mod endpoints;
mod health;
mod limits;
// Identity and authentication.
mod certificate_expiry;
mod executable;
mod identity;
mod keys;
mod link_keys;
mod operators;
pub mod secret_file;
mod tls;
mod token;

pub use crate::address::{Address, InvalidAddress};
pub use crate::admission::ServerOptions;
pub use crate::certificate_expiry::certificate_expiry;
pub use crate::client::Client;
pub use crate::client_options::ClientOptions;
pub use crate::encoded::encoded_client;
pub use crate::encoding_check::encoding_check;
pub use crate::endpoints::EndpointState;
pub use crate::executable::executable_hash;
pub use crate::identity::{ExpectedStore, Identity, ServedVersion};
pub use crate::keys::{ModuleKeys, ServiceKeys};
pub use crate::limits::{ClientLimits, MethodLimits, UnknownMethod};
pub use crate::link_keys::LinkKeys;
pub use crate::module_client::ModuleClient;
pub use crate::operators::{Operators, OperatorsError};
pub use crate::request::decode_json;
pub use crate::scalars::BadRequest;
pub use crate::secret_file::SecretFileError;
pub use crate::surface::{Surface, router};
pub use crate::tls::{Certificate, SharedClientTls, TlsError, client_tls, no_tls, server_tls};
