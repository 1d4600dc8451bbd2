//! A lease that this process holds, as the work under it sees it. Knows no table.

use std::sync::Arc;
use std::time::Duration;

use offshoot_contract::{CallContext, LeaseProof};
use tokio_util::sync::CancellationToken;

/// The right of this process to do some work, until it ends. Cheap to clone.
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

    /// What it is for.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.proof.name
    }

    /// Rises with each holder.
    #[must_use]
    pub fn token(&self) -> i64 {
        self.proof.token
    }

    /// A context whose transactions fail once another process has the lease. `origin` is shown as the caller.
    #[must_use]
    pub fn context(&self, origin: &'static str, timeout: Duration) -> CallContext {
        CallContext::root(origin)
            .with_timeout(timeout)
            .under_lease(Arc::clone(&self.proof))
    }

    /// Waits until the lease is over: it was lost, or is to be given back.
    pub async fn ended(&self) {
        self.ended.cancelled().await;
    }

    /// Whether it is over.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.ended.is_cancelled()
    }
}
