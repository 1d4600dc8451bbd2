//! Replica: sends heartbeats for this process, detects dead replicas of the same module, and takes and releases leases.
//!
//! Knows the names of the offered work only.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use offshoot_contract::{CallContext, CallFailure, FailureKind, error_chain};
use offshoot_db::{Db, Engine};
use tokio::sync::{Notify, watch};
use tokio::time::error::Elapsed;
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

use crate::assignment::assigned_replica;
use crate::lease::Lease;
use crate::liveness::Liveness;
use crate::store::{self, LeaseRow, Process, ReplicaRow};

/// Default pause between heartbeats.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(1);
/// Default timeout after which the work of a silent replica is taken over.
const HEARTBEAT_TIMEOUT: Duration = Duration::from_secs(4);
/// Pause between two looks for a heartbeat of another replica.
const SIGHT_POLL: Duration = Duration::from_millis(50);
/// Timeout for releasing all leases at shutdown.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(2);

/// Interval and timeout of heartbeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeartbeatTiming {
    /// Pause between two heartbeats: 1 s.
    pub interval: Duration,
    /// Time without a heartbeat after which other replicas consider a replica dead. The replica stops its own work one
    /// interval earlier: 4 s.
    pub timeout: Duration,
}

impl Default for HeartbeatTiming {
    fn default() -> Self {
        Self {
            interval: HEARTBEAT_INTERVAL,
            timeout: HEARTBEAT_TIMEOUT,
        }
    }
}

/// This process as one of the replicas that work on a module's data.
pub struct Replica {
    db: Db,
    /// The same database, ahead of calls: a queue of calls must not cost the leases.
    upkeep: Db,
    instance: Uuid,
    /// Name of this process for operators.
    process: String,
    timing: HeartbeatTiming,
    state: Mutex<State>,
    /// Whether this process offers its work.
    offers_work: AtomicBool,
    /// Wakes the heartbeat loop before the next interval: work was offered or has ended.
    wake_up: Notify,
    /// Whether the replica has left. Locked during a heartbeat and while leaving, so that no heartbeat follows.
    left: tokio::sync::Mutex<bool>,
}

/// Replicas and leases as read with a heartbeat.
struct Snapshot {
    dead: Vec<ReplicaRow>,
    living: Vec<ReplicaRow>,
    leases: Vec<LeaseRow>,
}

#[derive(Default)]
struct State {
    /// Offered work by name, with the lease if this process holds it.
    offers: BTreeMap<Arc<str>, watch::Sender<Option<Lease>>>,
    /// Time when the heartbeats of other replicas were last read.
    last_read: Option<Instant>,
    /// Heartbeats of the other replicas.
    liveness: Liveness,
    /// Start of the last successful heartbeat.
    last_heartbeat: Option<Instant>,
    /// Start of the last heartbeat that was written, and why the heartbeats after that were not.
    written_at: Option<Instant>,
    write_failure: Option<String>,
    /// Whether failing heartbeats were logged.
    warned: bool,
}

impl Replica {
    /// The only replica of this process, under an id of its own; see [`of_process`](Self::of_process).
    #[must_use]
    pub fn new(db: Db, timing: HeartbeatTiming) -> Arc<Self> {
        Self::of_process(db, Uuid::now_v7(), timing)
    }

    /// An inactive replica; [`send_heartbeats`](Self::send_heartbeats) activates it. `instance` is the id of the process, the
    /// same for all modules that the process runs, and another one after each start.
    #[must_use]
    pub fn of_process(db: Db, instance: Uuid, timing: HeartbeatTiming) -> Arc<Self> {
        Arc::new(Self {
            process: format!("process {}", std::process::id()),
            upkeep: db.upkeep(),
            db,
            instance,
            timing,
            state: Mutex::default(),
            offers_work: AtomicBool::new(true),
            wake_up: Notify::new(),
            left: tokio::sync::Mutex::default(),
        })
    }

    /// The module's data.
    #[must_use]
    pub fn db(&self) -> &Db {
        &self.db
    }

    /// Id of the process.
    #[must_use]
    pub fn instance(&self) -> Uuid {
        self.instance
    }

    /// Whether the process `instance` works on this data: whether its heartbeats arrive in this database. Waits for a
    /// heartbeat, at most for the timeout of heartbeats.
    ///
    /// A store id proves less: a restored copy of the data has the same one.
    pub async fn sees(&self, instance: Uuid) -> Result<bool, CallFailure> {
        if instance == self.instance {
            return Ok(true);
        }
        let give_up = Instant::now() + self.timing.timeout;
        while !self.lock_state().liveness.has_risen(instance, self.timing.timeout) {
            if Instant::now() >= give_up {
                return Ok(false);
            }
            let mut cx = self.context();
            let mut read = self.db.read(&mut cx).await?;
            let heartbeats = store::heartbeats(&mut read, instance).await?;
            drop(read);
            if let Some(heartbeats) = heartbeats {
                self.lock_state().liveness.record(instance, heartbeats);
            }
            sleep(SIGHT_POLL).await;
        }
        Ok(true)
    }

    /// Whether this process offers its work to the module. A process that does not takes no lease, and releases those that it
    /// holds; its heartbeats go on.
    pub fn offer_work(&self, offers: bool) {
        if self.offers_work.swap(offers, Ordering::AcqRel) != offers {
            self.wake_up.notify_one();
        }
    }

    /// The processes that send heartbeats to this data, in no order. A killed one disappears after the timeout.
    pub async fn processes(&self) -> Result<Vec<Process>, CallFailure> {
        let mut cx = self.context();
        let mut read = self.db.read(&mut cx).await?;
        store::processes(&mut read).await
    }

    /// Runs `work` whenever this process holds the lease `name`, until the future is dropped.
    ///
    /// The work's future is dropped at any await point when the lease ends. Work that returns releases the lease and will
    /// run again.
    pub async fn run_under_lease<F>(&self, name: impl Into<Arc<str>>, work: impl Fn(Lease) -> F)
    where
        F: Future<Output = ()>,
    {
        let name = name.into();
        let mut granted = self.offer(&name);
        loop {
            let lease = match granted.wait_for(Option::is_some).await {
                Ok(lease) => lease.clone(),
                // The replica was dropped.
                Err(_) => return,
            };
            let Some(lease) = lease else { continue };
            let has_returned = tokio::select! {
                () = work(lease.clone()) => true,
                () = lease.wait_until_ended() => false,
            };
            if has_returned {
                sleep(self.timing.interval).await;
            }
            self.release(&lease);
        }
    }

    /// Sends heartbeats, and takes and releases leases, until the future is dropped or the replica leaves.
    pub async fn send_heartbeats(&self) {
        loop {
            let left = self.left.lock().await;
            if *left {
                return;
            }
            let began = Instant::now();
            let limit = self.timing.interval.max(Duration::from_secs(1));
            let mut failure = None;
            let written = timeout(limit, self.record_heartbeat()).await;
            self.record_write(began, &written);
            match written {
                Ok(Ok(snapshot)) => {
                    self.heartbeat_succeeded(began);
                    // A transaction of its own: a locked lease row must not fail the heartbeat.
                    match timeout(limit, self.update_leases(snapshot)).await {
                        Ok(Ok(())) => {}
                        other => tracing::debug!(module = self.db.module(), ?other, "updating leases failed"),
                    }
                }
                // On SQLite a timeout means that another transaction holds the single writer. No other process can write
                // either, so no replica considers this one dead.
                Err(_) if self.db.engine() == Engine::Sqlite => self.heartbeat_succeeded(began),
                Ok(Err(failed)) => failure = Some(failed),
                Err(_) => {}
            }
            drop(left);
            self.stop_if_heartbeats_fail(failure.as_ref());
            tokio::select! {
                () = sleep(self.timing.interval) => {}
                () = self.wake_up.notified() => {}
            }
        }
    }

    /// Why nothing can be written to the module's data, as the heartbeats find: a full disk, a read-only file or server, or
    /// a lock that another process does not release. A statement that waits is a reason only after as many heartbeats as
    /// would pause the jobs. `None` while heartbeats are written, and before the first.
    #[must_use]
    pub fn write_failure(&self) -> Option<String> {
        self.lock_state().write_failure.clone()
    }

    /// Releases all leases, so that other replicas take over without waiting for the heartbeat timeout.
    pub async fn leave(&self) {
        let mut left = self.left.lock().await;
        *left = true;
        for lease in self.held_leases() {
            lease.ended.cancel();
        }
        let mut cx = self.context();
        let left = timeout(LEAVE_TIMEOUT, async {
            let mut tx = self.upkeep.begin(&mut cx).await?;
            store::remove_replica(&mut tx, self.instance).await?;
            tx.commit_part().await
        });
        if !matches!(left.await, Ok(Ok(()))) {
            tracing::debug!(
                module = self.db.module(),
                "releasing the leases failed; other replicas take over after the heartbeat timeout"
            );
        }
    }

    /// Offers work by name. The receiver has the lease while this process holds it.
    fn offer(&self, name: &Arc<str>) -> watch::Receiver<Option<Lease>> {
        let granted = {
            let mut state = self.lock_state();
            let sender = state.offers.entry(Arc::clone(name)).or_default();
            sender.subscribe()
        };
        self.wake_up.notify_one();
        granted
    }

    fn release(&self, lease: &Lease) {
        lease.ended.cancel();
        {
            let state = self.lock_state();
            if let Some(offer) = state.offers.get(lease.name()) {
                offer.send_replace(None);
            }
        }
        self.wake_up.notify_one();
    }

    /// Sends a heartbeat, reads all replicas and leases, and ends work under a lost lease.
    async fn record_heartbeat(&self) -> Result<Snapshot, CallFailure> {
        let mut cx = self.context();
        let offers = serde_json::to_string(&self.offered_names()).unwrap_or_default();
        let mut tx = self.upkeep.begin(&mut cx).await?;
        store::record_heartbeat(&mut tx, self.instance, &self.process, &offers).await?;
        let replicas = store::replicas(&mut tx).await?;
        let leases = store::leases(&mut tx).await?;
        tx.commit_part().await?;
        let dead = self.find_dead(&replicas);
        let is_dead = |replica: &ReplicaRow| dead.contains(&replica.instance);
        let (dead, living): (Vec<_>, Vec<_>) = replicas.into_iter().partition(is_dead);
        self.end_lost_leases(&living, &leases);
        Ok(Snapshot { dead, living, leases })
    }

    /// Removes dead replicas, and releases and takes leases according to `snapshot`.
    async fn update_leases(&self, snapshot: Snapshot) -> Result<(), CallFailure> {
        let Snapshot { dead, living, leases } = snapshot;
        let (to_release, to_take) = (
            self.leases_to_release(&living, &leases),
            self.leases_to_take(&living, &leases),
        );
        if dead.is_empty() && to_release.is_empty() && to_take.is_empty() {
            return Ok(());
        }
        let mut cx = self.context();
        let mut tx = self.upkeep.begin(&mut cx).await?;
        for replica in &dead {
            store::remove_dead_replica(&mut tx, replica.instance, replica.heartbeats).await?;
        }
        for name in to_release {
            store::release_lease(&mut tx, &name, self.instance).await?;
        }
        let mut taken = Vec::new();
        for name in to_take {
            if let Some(token) = store::take_lease(&mut tx, &name, self.instance).await? {
                taken.push(Lease::new(name, token));
            }
        }
        tx.commit_part().await?;
        for lease in taken {
            if let Some(offer) = self.lock_state().offers.get(lease.name()) {
                offer.send_replace(Some(lease));
            }
        }
        Ok(())
    }

    /// Replicas with an unchanged heartbeat count for the timeout, by the clock of this process.
    fn find_dead(&self, replicas: &[ReplicaRow]) -> BTreeSet<Uuid> {
        let now = Instant::now();
        let mut state = self.lock_state();
        // While this replica could not read, the heartbeats of others were unseen or impossible, as during a restart of the
        // database: their silence counts from now on.
        let limit = self.timing.timeout.saturating_sub(self.timing.interval);
        if state.last_read.replace(now).is_none_or(|last| now - last >= limit) {
            state.liveness = Liveness::default();
        }
        let liveness = &mut state.liveness;
        liveness.retain(|instance| replicas.iter().any(|replica| replica.instance == instance));
        let others = replicas.iter().filter(|replica| replica.instance != self.instance);
        let mut dead = BTreeSet::new();
        for replica in others {
            liveness.record(replica.instance, replica.heartbeats);
            if liveness.is_silent(replica.instance, self.timing.timeout) {
                dead.insert(replica.instance);
            }
        }
        dead
    }

    /// Leases that the database grants to this replica, but that have no work here and are assigned to another replica.
    fn leases_to_release(&self, living: &[ReplicaRow], leases: &[LeaseRow]) -> Vec<String> {
        let held = self.held_leases();
        let is_unused = |row: &&LeaseRow| {
            row.holder == Some(self.instance)
                && !held.iter().any(|lease| lease.name() == row.name)
                && !self.is_assigned_here(&row.name, living)
        };
        let unused = leases.iter().filter(is_unused);
        unused.map(|row| row.name.clone()).collect()
    }

    /// Offered names with a free lease that is assigned to this replica.
    fn leases_to_take(&self, living: &[ReplicaRow], leases: &[LeaseRow]) -> Vec<Arc<str>> {
        let held = self.held_leases();
        let is_free = |name: &str| {
            let row = leases.iter().find(|lease| lease.name == name);
            match row.and_then(|lease| lease.holder) {
                // The row names this replica, but the work has ended, or never started because the commit seemed lost.
                Some(holder) if holder == self.instance => !held.iter().any(|lease| lease.name() == name),
                Some(holder) => !living.iter().any(|replica| replica.instance == holder),
                None => true,
            }
        };
        let offered = self.offered_names().into_iter();
        offered
            .filter(|name| is_free(name) && self.is_assigned_here(name, living))
            .collect()
    }

    /// Ends work under a lease that another replica holds or is assigned.
    fn end_lost_leases(&self, living: &[ReplicaRow], leases: &[LeaseRow]) {
        for lease in self.held_leases() {
            let row = leases.iter().find(|row| row.name == lease.name());
            let is_lost = row.is_none_or(|row| row.token != lease.token() || row.holder != Some(self.instance));
            if is_lost || !self.is_assigned_here(lease.name(), living) {
                lease.ended.cancel();
            }
        }
    }

    /// Whether a name is assigned to this replica. Every replica computes the same assignment, without coordination.
    fn is_assigned_here(&self, name: &str, living: &[ReplicaRow]) -> bool {
        let offering = living
            .iter()
            .filter(|replica| replica.offers.iter().any(|offer| offer == name));
        assigned_replica(name, offering.map(|replica| replica.instance).collect()) == Some(self.instance)
    }

    fn record_write(&self, began: Instant, written: &Result<Result<Snapshot, CallFailure>, Elapsed>) {
        let patience = self.timing.timeout.saturating_sub(self.timing.interval);
        let mut state = self.lock_state();
        let last = *state.written_at.get_or_insert(began);
        match written {
            Ok(Ok(_)) => (state.written_at, state.write_failure) = (Some(began), None),
            Ok(Err(failure)) if !matches!(failure.kind(), FailureKind::Timeout) => {
                state.write_failure = Some(error_chain(failure));
            }
            _ if last.elapsed() >= patience => {
                let waited = last.elapsed().as_secs();
                state.write_failure = Some(format!(
                    "nothing could be written for {waited} s: another process or transaction holds the lock, or the database \
                     does not answer"
                ));
            }
            _ => {}
        }
    }

    fn heartbeat_succeeded(&self, since: Instant) {
        let mut state = self.lock_state();
        state.last_heartbeat = Some(since);
        if std::mem::take(&mut state.warned) {
            tracing::info!(
                module = self.db.module(),
                "heartbeat recovered; background jobs and event handling resumed"
            );
        }
    }

    /// Ends all work of this process before other replicas consider it dead.
    fn stop_if_heartbeats_fail(&self, failure: Option<&CallFailure>) {
        let limit = self.timing.timeout.saturating_sub(self.timing.interval);
        let was_warned = {
            let mut state = self.lock_state();
            if state.last_heartbeat.is_some_and(|last| last.elapsed() < limit) {
                return;
            }
            std::mem::replace(&mut state.warned, true)
        };
        if !was_warned {
            let failure = failure.map_or_else(|| "no response in time".to_owned(), |failure| error_chain(failure));
            tracing::warn!(
                module = self.db.module(),
                failure,
                "heartbeat failed; background jobs and event handling paused"
            );
        }
        for lease in self.held_leases() {
            tracing::debug!(job = lease.name(), "job stopped: heartbeats fail");
            lease.ended.cancel();
        }
    }

    fn offered_names(&self) -> Vec<Arc<str>> {
        if !self.offers_work.load(Ordering::Acquire) {
            return Vec::new();
        }
        self.lock_state().offers.keys().cloned().collect()
    }

    fn held_leases(&self) -> Vec<Lease> {
        let state = self.lock_state();
        let held = state.offers.values().filter_map(|offer| offer.borrow().clone());
        held.collect()
    }

    fn context(&self) -> CallContext {
        CallContext::root("jobs").with_timeout(self.timing.timeout)
    }

    fn lock_state(&self) -> MutexGuard<'_, State> {
        // A poisoned lock is usable: no panic leaves the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
