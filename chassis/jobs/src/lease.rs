//! A lease held by this process: handed to the work, which proves the lease in each transaction. Knows no table.

use std::sync::Arc;
use std::time::Duration;

use offshoot_contract::{CallContext, LeaseProof};
use tokio_util::sync::CancellationToken;

/// The exclusive right of this process to do the named work, until the lease ends. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Lease {
    pub(crate) proof: Arc<LeaseProof>,
    pub(crate) ended: CancellationToken,
}

impl Lease {
    pub(crate) fn new(name: Arc<str>, token: i64) -> Self {
        Self {
            proof: Arc::new(LeaseProof { name, token }),
            ended: CancellationToken::new(),
        }
    }

    /// Name of the work.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.proof.name
    }

    /// Fencing token; rises each time the lease is taken.
    #[must_use]
    pub fn token(&self) -> i64 {
        self.proof.token
    }

    /// A context whose transactions fail once another process has taken the lease. `origin` is shown as the caller.
    #[must_use]
    pub fn context(&self, origin: &'static str, timeout: Duration) -> CallContext {
        CallContext::root(origin)
            .with_timeout(timeout)
            .with_lease(Arc::clone(&self.proof))
    }

    /// Waits until the lease has ended: lost to another replica, or about to be released.
    pub async fn wait_until_ended(&self) {
        self.ended.cancelled().await;
    }

    /// Whether the lease has ended.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.ended.is_cancelled()
    }
}
