//! What the trials of a module share: clients of the candidate, and the check of its encoding.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use offshoot_contract::EncodingCheck;
use offshoot_rest::Client;
use uuid::Uuid;

/// Clients and checks of a module that is moved. Created once, so that connections and circuit states survive each plan.
pub(crate) struct TrialClients<A: ?Sized> {
    /// For calls that the implementation in this process executes if no answer comes.
    pub(crate) standby: Option<Arc<Client<A>>>,
    /// For calls that are repeated for a comparison.
    pub(crate) mirror: Option<Arc<A>>,
    pub(crate) encoding: Arc<dyn EncodingCheck>,
    /// Hash of the contract's description.
    pub(crate) contract: String,
    /// Builds of the processes that have answered, by instance.
    pub(crate) builds: Mutex<BTreeMap<Uuid, String>>,
}
