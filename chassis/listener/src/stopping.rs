//! The two steps in which a socket closes.

use tokio_util::sync::CancellationToken;

/// Signals to the sockets of a process that the process stops. Clones share the signals.
#[derive(Debug, Clone, Default)]
pub struct Stopping {
    draining: CancellationToken,
    closing: CancellationToken,
}

impl Stopping {
    /// From now on, each response closes the connection, so that clients go elsewhere. New connections are still accepted.
    pub fn drain(&self) {
        self.draining.cancel();
    }

    /// Closes the sockets: no new connection is accepted, and each connection ends with the current request.
    pub fn close(&self) {
        self.draining.cancel();
        self.closing.cancel();
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.is_cancelled()
    }

    pub(crate) async fn closing(&self) {
        self.closing.cancelled().await;
    }
}
