//! The runtime of one module: database, clock, settings, jobs and subscriptions, for the module's `start` function.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use futures_util::future::BoxFuture;
use offshoot_contract::{CallContext, CallFailure, Clock};
use offshoot_db::Db;
use offshoot_jobs::{HeartbeatTiming, Lease, Replica, repeat_under_lease};
use offshoot_outbox::{LocalSource, Subscription, remove_expired_events};
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

/// Background work of a module, as a future that never ends. The host polls the future until the process stops.
pub type Job = BoxFuture<'static, ()>;

/// Timeout of one round of a job.
const ROUND: Duration = Duration::from_secs(60);
/// Pause between removals of expired rows. Short against the retention of recorded responses, one day, and of events.
const CLEAN_EVERY: Duration = Duration::from_secs(60 * 60);

/// Everything that a module's `start` function may use.
pub struct ModuleRuntime {
    db: Db,
    clock: Arc<dyn Clock>,
    data_dir: PathBuf,
    settings: Value,
    pub(crate) replica: Arc<Replica>,
    pub(crate) log: Arc<LocalSource>,
    pub(crate) jobs: Vec<Job>,
    pub(crate) subscriptions: Vec<Subscription>,
}

/// Values that a runtime takes from its host.
pub(crate) struct RuntimeOptions {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) data_dir: PathBuf,
    pub(crate) settings: Value,
    pub(crate) instance: Uuid,
    pub(crate) heartbeat: HeartbeatTiming,
    pub(crate) keep_events: Duration,
    pub(crate) subscriptions: Vec<Subscription>,
}

impl ModuleRuntime {
    /// A runtime with the jobs of every module: heartbeats, and the removal of expired rows.
    pub(crate) fn new(db: Db, options: RuntimeOptions) -> Self {
        let replica = Replica::of_process(db.clone(), options.instance, options.heartbeat);
        let beating = Arc::clone(&replica);
        let mut runtime = Self {
            log: LocalSource::new(db.clone()),
            jobs: vec![Box::pin(async move { beating.send_heartbeats().await })],
            subscriptions: options.subscriptions,
            clock: options.clock,
            data_dir: options.data_dir,
            settings: options.settings,
            replica,
            db: db.clone(),
        };
        let responses = db.clone();
        runtime.repeat("removal of recorded responses", CLEAN_EVERY, move |_| {
            let db = responses.clone();
            async move { db.delete_expired_records(db.now()).await }
        });
        let keep = options.keep_events;
        runtime.repeat("removal of events", CLEAN_EVERY, move |mut cx| {
            let db = db.clone();
            async move { remove_expired_events(&db, &mut cx, keep).await }
        });
        runtime
    }

    /// The module's data.
    #[must_use]
    pub fn db(&self) -> Db {
        self.db.clone()
    }

    /// The application's clock.
    #[must_use]
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock)
    }

    /// The data directory of the process.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// The module's settings. The configuration has already checked them.
    pub fn settings<S: DeserializeOwned>(&self) -> Result<S> {
        let module = self.db.module();
        crate::settings::read(&self.settings).with_context(|| format!("the settings of {module} are invalid"))
    }

    /// Adds a job that runs `round` with a pause of `every`, in one process at a time. Transactions under the context of a
    /// round fail once another process holds the lease.
    pub fn repeat<F>(
        &mut self,
        name: &'static str,
        every: Duration,
        round: impl Fn(CallContext) -> F + Send + Sync + 'static,
    ) where
        F: Future<Output = Result<u64, CallFailure>> + Send + 'static,
    {
        let replica = Arc::clone(&self.replica);
        self.jobs.push(Box::pin(async move {
            let with_lease = |lease: Lease| round(lease.context("jobs", ROUND));
            repeat_under_lease(replica, name, every, with_lease).await;
        }));
    }
}
