//! What one module does by itself in this process: rounds of work under a lease, and events of other modules. Knows no
//! module.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use offshoot_contract::{CallContext, CallFailure};
use offshoot_db::Db;
use offshoot_jobs::{Lease, Pace, Replica, repeatedly};
use offshoot_outbox::{LocalSource, Subscription, remove_old};

/// Runs until it is dropped. Nothing happens before somebody polls it.
pub type Job = BoxFuture<'static, ()>;

/// How long one round may take.
const ROUND: Duration = Duration::from_secs(60);
/// How often what has expired is removed. Answers are kept for a day and events for longer, so an hour is soon enough.
const CLEAN_EVERY: Duration = Duration::from_secs(60 * 60);

/// A module that is being placed here.
pub struct Working {
    db: Db,
    pub(super) replica: Arc<Replica>,
    pub(super) log: Arc<LocalSource>,
    pub(super) jobs: Vec<Job>,
    pub(super) subscriptions: Vec<Subscription>,
}

impl Working {
    /// Cleans up and does nothing else yet. Events are kept for `keep` at least.
    pub(super) fn new(db: Db, pace: Pace, keep: Duration) -> Self {
        let replica = Replica::new(db.clone(), pace);
        let running = Arc::clone(&replica);
        let mut working = Self {
            log: LocalSource::new(db.clone()),
            jobs: vec![Box::pin(async move { running.run().await })],
            subscriptions: Vec::new(),
            replica,
            db: db.clone(),
        };
        let answers = db.clone();
        working.repeatedly("removal of answers", CLEAN_EVERY, move |_| {
            let db = answers.clone();
            async move { db.delete_expired_records(db.now()).await }
        });
        working.repeatedly("removal of events", CLEAN_EVERY, move |mut cx| {
            let db = db.clone();
            async move { remove_old(&db, &mut cx, keep).await }
        });
        working
    }

    /// The module's data.
    #[must_use]
    pub fn db(&self) -> Db {
        self.db.clone()
    }

    /// Has `round` done again and again with a pause of `every` in between, in one of the processes that have the module.
    /// The transactions of its context fail once another process has taken it over.
    pub fn repeatedly<F>(
        &mut self,
        name: &'static str,
        every: Duration,
        round: impl Fn(CallContext) -> F + Send + Sync + 'static,
    ) where
        F: Future<Output = Result<u64, CallFailure>> + Send + 'static,
    {
        let replica = Arc::clone(&self.replica);
        self.jobs.push(Box::pin(async move {
            let under = |lease: Lease| round(lease.context("jobs", ROUND));
            repeatedly(replica, name, every, under).await;
        }));
    }

    /// Has the module hear another one's events.
    pub fn subscribe(&mut self, subscriptions: impl IntoIterator<Item = Subscription>) {
        self.subscriptions.extend(subscriptions);
    }
}
