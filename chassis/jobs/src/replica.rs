//! This process among those that work on one module's data: says that it is there, sees who is not any more, and takes
//! and gives back leases. Knows no work.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use offshoot_contract::{CallContext, CallFailure, with_causes};
use offshoot_db::{Db, Engine};
use sha2::{Digest, Sha256};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

use crate::Lease;
use crate::roster::{self, Held, Member};

/// How often a replica says that it is there.
const BEAT: Duration = Duration::from_secs(1);
/// How long one that says nothing is waited for. A killed process's work is taken over after it.
const SILENCE: Duration = Duration::from_secs(4);
/// How long giving everything back may take when the process ends.
const LEAVING: Duration = Duration::from_secs(2);

/// How quickly replicas notice each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Between two beats: 1 s.
    pub beat: Duration,
    /// After so long without a beat, a replica is taken for dead, and stops its own work a beat earlier: 4 s.
    pub silence: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            beat: BEAT,
            silence: SILENCE,
        }
    }
}

/// This process, to the others that work on the same module's data.
pub struct Replica {
    db: Db,
    instance: Uuid,
    place: String,
    pace: Pace,
    state: Mutex<State>,
    /// There is something to do before the next beat: work was offered or has ended.
    hurry: Notify,
    /// Whether we have left. Locked while we beat or leave, so that the last word is that we have.
    left: tokio::sync::Mutex<bool>,
}

/// What a look at the tables found.
struct Seen {
    dead: Vec<Member>,
    living: Vec<Member>,
    leases: Vec<Held>,
}

#[derive(Default)]
struct State {
    /// What we would do, and whether we do it.
    offers: BTreeMap<Arc<str>, watch::Sender<Option<Lease>>>,
    /// The beats of the others, and since when they stand there.
    seen: BTreeMap<Uuid, (i64, Instant)>,
    /// When the last beat that succeeded began.
    last_beat: Option<Instant>,
    /// It was told that none succeeds.
    told: bool,
}

impl Replica {
    /// A replica that does nothing yet: [`run`](Self::run) makes it known.
    #[must_use]
    pub fn new(db: Db, pace: Pace) -> Arc<Self> {
        let instance = Uuid::now_v7();
        Arc::new(Self {
            place: format!("process {}", std::process::id()),
            db,
            instance,
            pace,
            state: Mutex::default(),
            hurry: Notify::new(),
            left: tokio::sync::Mutex::default(),
        })
    }

    /// The data that it works on.
    #[must_use]
    pub fn db(&self) -> &Db {
        &self.db
    }

    /// Does `work` whenever this process has the lease of that name. It is dropped, wherever it is, when the lease ends; a
    /// work that ends by itself gives the lease back and will be done again. Runs until it is dropped.
    pub async fn hold<F>(&self, name: impl Into<Arc<str>>, work: impl Fn(Lease) -> F)
    where
        F: Future<Output = ()>,
    {
        let name = name.into();
        let mut given = self.offer(&name);
        loop {
            let lease = match given.wait_for(Option::is_some).await {
                Ok(lease) => lease.clone(),
                // Withdrawn by the end of `run`.
                Err(_) => return,
            };
            let Some(lease) = lease else { continue };
            let ended_by_itself = tokio::select! {
                () = work(lease.clone()) => true,
                () = lease.ended() => false,
            };
            if ended_by_itself {
                sleep(self.pace.beat).await;
            }
            self.give_back(&lease);
        }
    }

    /// Says that we are there, again and again, and takes what is ours. Runs until it is dropped, or until we leave.
    pub async fn run(&self) {
        loop {
            let left = self.left.lock().await;
            if *left {
                return;
            }
            let began = Instant::now();
            let limit = self.pace.beat.max(Duration::from_secs(1));
            let mut failure = None;
            match timeout(limit, self.beat()).await {
                Ok(Ok(seen)) => {
                    self.is_heard(began);
                    // What somebody has locked keeps us from it and not from being heard.
                    match timeout(limit, self.settle(seen)).await {
                        Ok(Ok(())) => {}
                        other => tracing::debug!(module = self.db.module(), ?other, "no change of leases"),
                    }
                }
                // Who has the one writer works with it, perhaps for us; nobody else can, and so nobody takes us for dead.
                Err(_) if self.db.engine() == Engine::Sqlite => self.is_heard(began),
                Ok(Err(failed)) => failure = Some(failed),
                Err(_) => {}
            }
            drop(left);
            self.stop_if_unheard(failure.as_ref());
            tokio::select! {
                () = sleep(self.pace.beat) => {}
                () = self.hurry.notified() => {}
            }
        }
    }

    /// Gives everything back, so that others need not wait for our silence.
    pub async fn leave(&self) {
        let mut left = self.left.lock().await;
        *left = true;
        for lease in self.held() {
            lease.ended.cancel();
        }
        let mut cx = self.context();
        let left = timeout(LEAVING, async {
            let mut tx = self.db.begin(&mut cx).await?;
            roster::leave(&mut tx, self.instance).await?;
            tx.commit_part().await
        });
        if !matches!(left.await, Ok(Ok(()))) {
            tracing::debug!(module = self.db.module(), "left without a word; others take over soon");
        }
    }

    fn offer(&self, name: &Arc<str>) -> watch::Receiver<Option<Lease>> {
        let given = {
            let mut state = self.locked();
            let sender = state.offers.entry(Arc::clone(name)).or_default();
            sender.subscribe()
        };
        self.hurry.notify_one();
        given
    }

    fn give_back(&self, lease: &Lease) {
        lease.ended.cancel();
        {
            let state = self.locked();
            if let Some(offer) = state.offers.get(lease.name()) {
                offer.send_replace(None);
            }
        }
        self.hurry.notify_one();
    }

    /// Says that we are there, and looks who else is and who has what. Ends the work that is not ours any more.
    async fn beat(&self) -> Result<Seen, CallFailure> {
        let mut cx = self.context();
        let offers = serde_json::to_string(&self.offered()).unwrap_or_default();
        let mut tx = self.db.begin(&mut cx).await?;
        roster::beat(&mut tx, self.instance, &self.place, &offers).await?;
        let members = roster::members(&mut tx).await?;
        let leases = roster::leases(&mut tx).await?;
        tx.commit_part().await?;
        let dead = self.silent(&members);
        let is_dead = |member: &Member| dead.contains(&member.instance);
        let (dead, living): (Vec<_>, Vec<_>) = members.into_iter().partition(is_dead);
        self.judge(&living, &leases);
        Ok(Seen { dead, living, leases })
    }

    /// Removes who is dead, and gives back and takes what follows from what was seen.
    async fn settle(&self, seen: Seen) -> Result<(), CallFailure> {
        let Seen { dead, living, leases } = seen;
        let (over, due) = (self.over(&living, &leases), self.due(&living, &leases));
        if dead.is_empty() && over.is_empty() && due.is_empty() {
            return Ok(());
        }
        let mut cx = self.context();
        let mut tx = self.db.begin(&mut cx).await?;
        for member in &dead {
            roster::bury(&mut tx, member.instance, member.beats).await?;
        }
        for name in over {
            roster::give_back(&mut tx, &name, self.instance).await?;
        }
        let mut taken = Vec::new();
        for name in due {
            if let Some(token) = roster::take(&mut tx, &name, self.instance).await? {
                taken.push(Lease::new(name, token));
            }
        }
        tx.commit_part().await?;
        for lease in taken {
            if let Some(offer) = self.locked().offers.get(lease.name()) {
                offer.send_replace(Some(lease));
            }
        }
        Ok(())
    }

    /// Those whose beats have stood still for too long, by our clock.
    fn silent(&self, members: &[Member]) -> BTreeSet<Uuid> {
        let now = Instant::now();
        let mut state = self.locked();
        state
            .seen
            .retain(|instance, _| members.iter().any(|member| member.instance == *instance));
        let mut silent = BTreeSet::new();
        for member in members.iter().filter(|member| member.instance != self.instance) {
            let seen = state.seen.entry(member.instance).or_insert((member.beats, now));
            if seen.0 != member.beats {
                *seen = (member.beats, now);
            }
            if now - seen.1 >= self.pace.silence {
                silent.insert(member.instance);
            }
        }
        silent
    }

    /// What stands under our name and we neither do nor should.
    fn over(&self, living: &[Member], leases: &[Held]) -> Vec<String> {
        let held = self.held();
        let is_over = |row: &&Held| {
            row.holder == Some(self.instance)
                && !held.iter().any(|lease| lease.name() == row.name)
                && !self.is_ours(&row.name, living)
        };
        let over = leases.iter().filter(is_over);
        over.map(|row| row.name.clone()).collect()
    }

    /// What nobody does and we should.
    fn due(&self, living: &[Member], leases: &[Held]) -> Vec<Arc<str>> {
        let held = self.held();
        let is_free = |name: &str| {
            let row = leases.iter().find(|lease| lease.name == name);
            match row.and_then(|lease| lease.holder) {
                // Whose work has ended, or was never begun because our commit seemed lost.
                Some(holder) if holder == self.instance => !held.iter().any(|lease| lease.name() == name),
                Some(holder) => !living.iter().any(|member| member.instance == holder),
                None => true,
            }
        };
        let offered = self.offered().into_iter();
        offered
            .filter(|name| is_free(name) && self.is_ours(name, living))
            .collect()
    }

    /// Ends the work whose lease another replica has, or should have.
    fn judge(&self, living: &[Member], leases: &[Held]) {
        for lease in self.held() {
            let row = leases.iter().find(|row| row.name == lease.name());
            let lost = row.is_none_or(|row| row.token != lease.token() || row.holder != Some(self.instance));
            if lost || !self.is_ours(lease.name(), living) {
                lease.ended.cancel();
            }
        }
    }

    /// Whether it is our turn: all count alike, so nobody has to ask.
    fn is_ours(&self, name: &str, living: &[Member]) -> bool {
        let offering = living
            .iter()
            .filter(|member| member.offers.iter().any(|offer| offer == name));
        turn(name, offering.map(|member| member.instance).collect()) == Some(self.instance)
    }

    fn is_heard(&self, since: Instant) {
        let mut state = self.locked();
        state.last_beat = Some(since);
        if std::mem::take(&mut state.told) {
            tracing::info!(module = self.db.module(), "shows the others again that it is there");
        }
    }

    /// Ends all our work before others may take us for dead.
    fn stop_if_unheard(&self, failure: Option<&CallFailure>) {
        let limit = self.pace.silence.saturating_sub(self.pace.beat);
        let is_told = {
            let mut state = self.locked();
            if state.last_beat.is_some_and(|last| last.elapsed() < limit) {
                return;
            }
            std::mem::replace(&mut state.told, true)
        };
        if !is_told {
            let failure = failure.map_or_else(|| "no answer in time".to_owned(), |failure| with_causes(failure));
            tracing::warn!(
                module = self.db.module(),
                failure,
                "cannot write that it is there, so it does no jobs and handles no events until it can"
            );
        }
        for lease in self.held() {
            tracing::debug!(job = lease.name(), "stopped");
            lease.ended.cancel();
        }
    }

    fn offered(&self) -> Vec<Arc<str>> {
        self.locked().offers.keys().cloned().collect()
    }

    fn held(&self) -> Vec<Lease> {
        let state = self.locked();
        let held = state.offers.values().filter_map(|offer| offer.borrow().clone());
        held.collect()
    }

    fn context(&self) -> CallContext {
        CallContext::root("jobs").with_timeout(self.pace.silence)
    }

    fn locked(&self) -> MutexGuard<'_, State> {
        // Nothing in it is left half changed by a panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whose turn it is for a name. What belongs together, `gauges/0` and `gauges/1`, goes round from a place that is drawn by the
/// common part, so that each has its share.
fn turn(name: &str, mut offering: Vec<Uuid>) -> Option<Uuid> {
    let (group, number) = match name.rsplit_once('/') {
        Some((group, number)) => (group, number.parse().unwrap_or(0)),
        None => (name, 0),
    };
    offering.sort_by_key(|instance| {
        let mut hash = Sha256::new();
        hash.update(instance.as_bytes());
        hash.update(group.as_bytes());
        <[u8; 32]>::from(hash.finalize())
    });
    let place = number % offering.len().max(1);
    offering.get(place).copied()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use uuid::Uuid;

    use super::turn;

    #[test]
    fn each_has_its_share() {
        let replicas: Vec<_> = (1..=3).map(Uuid::from_u128).collect();
        let mut shares = BTreeMap::<Uuid, u32>::new();
        for number in 0..8 {
            let holder = turn(&format!("gauges/{number}"), replicas.clone());
            *shares.entry(holder.expect("somebody offers it")).or_default() += 1;
        }
        assert_eq!(shares.len(), 3);
        assert!(shares.values().all(|share| (2..=3).contains(share)), "{shares:?}");
        assert_eq!(turn("gauges/0", Vec::new()), None);
    }
}
