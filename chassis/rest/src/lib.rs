//! The REST form of a contract: the client and the server that every module's contract shares.
//!
//! Knows contracts as values (`Contract`, `Method`), no module and no database. Who may call, and which store answers,
//! travels in headers that both sides check.

// Values on the wire.
mod headers;
mod request;
mod response;
mod text;
// The two ends.
mod client;
mod door;
mod encoded;
mod server;
mod surface;
mod tap;
mod transport;
// Which process is called, and how much of it.
mod address;
mod endpoints;
mod health;
mod limits;
// Who is there.
mod identity;
mod keys;
pub mod secret_file;
mod tls;
mod token;

pub use crate::address::{Address, InvalidAddress};
pub use crate::client::{Client, ClientOptions};
pub use crate::door::ServerOptions;
pub use crate::encoded::encoded;
pub use crate::endpoints::EndpointState;
pub use crate::identity::{ExpectedStore, Identity, ServedVersion};
pub use crate::keys::{ModuleKeys, ServiceKeys};
pub use crate::limits::{ClientLimits, MethodLimits, UnknownMethod};
pub use crate::request::decode_json;
pub use crate::secret_file::SecretFileError;
pub use crate::surface::{Surface, router};
pub use crate::text::{BadRequest, decode_pairs};
pub use crate::tls::{Certificate, TlsError, client_tls, no_tls, server_tls};
