//! Bounds of backups and of the doctor. `docs/LIMITS.md` lists them with the other bounds of the project.

use std::time::Duration;

/// How long processes are observed for heartbeats: longer than the heartbeat interval of one second, and than a process takes to assign positions to new events.
pub(crate) const OBSERVATION_PERIOD: Duration = Duration::from_secs(3);
/// Longest wait for the lock of a file that a process is changing.
pub(crate) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes per read and per send.
pub(crate) const CHUNK_BYTES: usize = 1 << 16;
/// Bytes that must stay free on a disk: a full disk stops the running store too.
pub(crate) const RESERVED_BYTES: u64 = 16 << 20;
/// Maximum number of sagas listed in a manifest, far above the number ever open at once. The count is exact regardless.
pub(crate) const MANIFEST_SAGAS_MAX: i64 = 10_000;
/// Maximum number of sagas listed per module in a report.
pub(crate) const REPORTED_SAGAS_MAX: usize = 1_000;
