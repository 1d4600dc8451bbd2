//! State of a module's data in this process: pools, events, sagas, and whether writes succeed. For metrics and readiness.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use offshoot_contract::{CallContext, CallFailure, Timestamp};
use offshoot_db::{DatabaseUrl, Db, PoolUse};
use offshoot_jobs::Replica;
use offshoot_outbox::{FollowedLog, SubscriptionGauges, subscription_gauges};
use offshoot_saga::{SagaGauges, saga_gauges};
use rustix::fs::statvfs;

use crate::module::Saga;

/// Timeout of the statements for metrics of one module. A database that answers later is in trouble of its own.
const OBSERVATION_TIMEOUT: Duration = Duration::from_millis(500);
/// Free bytes of a disk below which writes to a SQLite file are about to fail: the log of a busy file grows by so much.
const FREE_BYTES_MIN: u64 = 16 << 20;

/// The logs that a module follows. Set once all modules are placed.
pub(crate) type FollowedLogs = Arc<OnceLock<Vec<FollowedLog>>>;

/// The data of a module that runs in this process.
pub struct ModuleData {
    db: Db,
    replica: Arc<Replica>,
    sagas: &'static [Saga],
    followed: FollowedLogs,
    /// Directory of the SQLite file.
    directory: Option<PathBuf>,
}

impl ModuleData {
    pub(crate) fn new(
        db: Db,
        replica: Arc<Replica>,
        sagas: &'static [Saga],
        url: &DatabaseUrl,
        followed: FollowedLogs,
    ) -> Self {
        let directory = match url {
            DatabaseUrl::Sqlite(directory) => Some(directory.clone()),
            DatabaseUrl::Postgres(_) => None,
        };
        Self {
            db,
            replica,
            sagas,
            followed,
            directory,
        }
    }

    pub(crate) fn follow(&self, followed: Vec<FollowedLog>) {
        let _ = self.followed.set(followed);
    }

    /// Use of the connection pools. Asks no database.
    #[must_use]
    pub fn pools(&self) -> Vec<PoolUse> {
        self.db.pools()
    }

    /// The time of the application's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.db.now()
    }

    /// State of the module's subscriptions.
    pub async fn subscriptions(&self) -> Result<Vec<SubscriptionGauges>, CallFailure> {
        let followed = self.followed.get().map_or(&[][..], Vec::as_slice);
        subscription_gauges(&self.db, &mut context(), followed).await
    }

    /// Open sagas of each kind that the module declares, also of a kind without an open one.
    pub async fn sagas(&self) -> Result<Vec<SagaGauges>, CallFailure> {
        if self.sagas.is_empty() {
            return Ok(Vec::new());
        }
        let open = saga_gauges(&self.db, &mut context()).await?;
        let of_kind = |kind: &str| {
            let found = open.iter().find(|gauges| gauges.kind == kind).cloned();
            found.unwrap_or_else(|| SagaGauges {
                kind: kind.to_owned(),
                open: 0,
                stuck: 0,
            })
        };
        // A kind may have several versions.
        let kinds: BTreeSet<_> = self.sagas.iter().map(|(kind, _)| *kind).collect();
        Ok(kinds.into_iter().map(of_kind).collect())
    }

    /// Why the module cannot write, or soon cannot; `None` if nothing is known against writes.
    #[must_use]
    pub fn write_failure(&self) -> Option<String> {
        let shortage = || disk_shortage(self.directory.as_ref()?, FREE_BYTES_MIN);
        self.replica.write_failure().or_else(shortage)
    }
}

/// A disk with less free space than `needed`. Heartbeats need no new page of a file, so they may succeed on a full disk.
fn disk_shortage(directory: &Path, needed: u64) -> Option<String> {
    let disk = statvfs(directory).ok()?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    (free < needed).then(|| {
        let directory = directory.display();
        format!("the disk of {directory} is full: {free} bytes are free, and writes need {needed}")
    })
}

fn context() -> CallContext {
    CallContext::root("metrics").with_timeout(OBSERVATION_TIMEOUT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_with_less_free_space_than_needed_is_full() {
        let folder = std::env::temp_dir();
        assert_eq!(disk_shortage(&folder, 0), None);
        let shortage = disk_shortage(&folder, u64::MAX).unwrap_or_default();
        assert!(shortage.contains(&folder.display().to_string()), "{shortage}");
        assert_eq!(disk_shortage(Path::new("/nowhere"), u64::MAX), None);
    }
}
