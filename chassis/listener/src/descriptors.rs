//! File descriptors of the process.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::limits::RESERVED_DESCRIPTORS;

/// Raises the limit on file descriptors as far as the process may, and returns how many of them connections of clients
/// can take. The rest is for databases, files and connections to other processes.
#[must_use]
pub fn raise_limit() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let wanted = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    // `None`: no limit.
    let current = match setrlimit(Resource::Nofile, wanted) {
        Ok(()) => limit.maximum,
        Err(error) => {
            tracing::warn!(%error, "the limit on file descriptors (ulimit -n) stays as it was");
            limit.current
        }
    };
    current.map_or(usize::MAX, |current| {
        // Half of a very small limit is better than nothing.
        let connections = current.saturating_sub(RESERVED_DESCRIPTORS).max(current / 2);
        usize::try_from(connections).unwrap_or(usize::MAX)
    })
}
