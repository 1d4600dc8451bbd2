//! Handling the events of one partition, in order, as long as this process has the lease for it.
//!
//! What is handled and how far that is are one commit. An event that cannot be handled is set aside together with the later
//! ones of its key, and the others go on. What the database or the log cannot do now is waited for.

// What could not be handled.
mod retrying;

use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::join_all;
use offshoot_contract::{CallContext, CallFailure, FailureKind, Timestamp, fault_point, with_causes};
use offshoot_db::Db;
use offshoot_jobs::{Lease, Replica};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout_at};
use uuid::Uuid;

use crate::cursor::{self, Cursor, LogSeen};
use crate::parked;
use crate::source::{Announced, Ask, EventPage, Head};
use crate::subscription::{Rejection, Subscription};
use crate::tail::Tail;

/// How often parked events are looked at.
const RETRY_EVERY: Duration = Duration::from_millis(500);
/// How often a partition with nothing to do looks whether an operator has moved its cursor, and reads without having been
/// woken.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often it notes that it is up to date.
const IDLE: Duration = Duration::from_secs(10);
/// How long a copy may take to be emptied.
const EMPTYING: Duration = Duration::from_secs(10 * 60);
/// How long after a failure that passes it is tried again; doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// Soon enough after an outage of hours.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Most events of one partition that are set aside. With more it is not the events that are wrong.
const PARKED_MAX: i64 = 10_000;

/// Carries a subscription out in this process, together with the other replicas. Runs until it is dropped.
pub async fn run(subscription: Subscription, tail: Arc<Tail>, replica: Arc<Replica>) {
    let partitions = prepare(&subscription, replica.db()).await;
    let (subscription, tail) = (&subscription, &tail);
    join_all((0..partitions).map(|partition| {
        let name = format!("events {}/{partition}", subscription.name);
        let db = replica.db().clone();
        let work = move |lease: Lease| {
            let worker = Worker {
                subscription: subscription.clone(),
                partition,
                partitions,
                db: db.clone(),
                tail: Arc::clone(tail),
                lease,
            };
            worker.run()
        };
        let replica = Arc::clone(&replica);
        async move { replica.hold(name, work).await }
    }))
    .await;
}

/// Makes the cursors; waits for a database that is not there yet.
async fn prepare(subscription: &Subscription, db: &Db) -> i32 {
    let wanted = subscription.settings.partitions;
    let mut pause = FIRST_PAUSE;
    loop {
        let mut cx = CallContext::root("events").with_timeout(subscription.settings.timeout);
        let prepared: Result<i32, CallFailure> = async {
            let mut tx = db.begin(&mut cx).await?;
            let there = cursor::prepare(
                &mut tx,
                subscription.name,
                subscription.module,
                wanted,
                subscription.work.is_copy(),
            )
            .await?;
            tx.commit_part().await?;
            Ok(there)
        }
        .await;
        match prepared {
            Ok(there) => {
                if there != wanted {
                    let name = subscription.name;
                    tracing::warn!(
                        subscription = name,
                        there,
                        wanted,
                        "the number of partitions is fixed once it has begun"
                    );
                }
                return there;
            }
            Err(failure) => tracing::debug!(subscription = subscription.name, %failure, "cannot begin yet"),
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

struct Worker {
    subscription: Subscription,
    partition: i32,
    partitions: i32,
    db: Db,
    tail: Arc<Tail>,
    lease: Lease,
}

/// What a partition knows of itself while it is handled.
struct Standing {
    cursor: Cursor,
    /// Keys that something is parked of.
    blocked: HashSet<String>,
    retry_at: Instant,
    /// When it is noted again how far everything is handled, though nothing is new.
    note_at: Instant,
}

impl Worker {
    async fn run(self) {
        let mut pause = FIRST_PAUSE;
        let mut head = self.tail.watch();
        loop {
            match self.follow(&mut head, &mut pause).await {
                Ok(()) => pause = FIRST_PAUSE,
                Err(failure) => {
                    let (subscription, partition) = (self.subscription.name, self.partition);
                    let longer = (pause * 2).min(LONGEST_PAUSE);
                    // Told once, and only of what does not pass in a moment.
                    if longer == LONGEST_PAUSE && pause < longer {
                        let failure = with_causes(&failure);
                        tracing::warn!(
                            subscription,
                            partition,
                            failure,
                            "does not get on; goes on by itself once it can"
                        );
                    } else {
                        tracing::debug!(subscription, partition, %failure, "will go on in a moment");
                    }
                    sleep(pause.mul_f64(0.5 + rand::random::<f64>())).await;
                    pause = longer;
                }
            }
        }
    }

    /// Takes the partition up and handles what comes, until something does not work.
    async fn follow(&self, head: &mut watch::Receiver<Option<Head>>, pause: &mut Duration) -> Result<(), CallFailure> {
        let mut standing = self.take_up().await?;
        loop {
            if Instant::now() >= standing.retry_at {
                self.retry(&mut standing).await?;
            }
            // What is announced from here on wakes us below.
            head.borrow_and_update();
            let page = self.tail.source().read(&self.ask(&standing)).await?;
            let page = page.after(standing.cursor.position);
            if let Some(why) = self.obstacle(&standing, &page).await? {
                self.hold(&standing, &why).await?;
                sleep(RETRY_EVERY).await;
                return Ok(());
            }
            let log = log_seen(&page.head)?;
            if page.events.is_empty() {
                let is_further = page.through > standing.cursor.position;
                self.note_idle(&mut standing, &page, log).await?;
                if page.complete_at.is_none() && is_further {
                    continue;
                }
                let is_woken = self.wait(&standing, head).await;
                if !is_woken
                    && !standing
                        .cursor
                        .is_ours(&mut *self.db.read(&mut self.context()).await?)
                        .await?
                {
                    return Ok(());
                }
            } else {
                self.handle(&mut standing, &page, log).await?;
            }
            *pause = FIRST_PAUSE;
        }
    }

    async fn take_up(&self) -> Result<Standing, CallFailure> {
        let mut cx = self.lease.context("events", EMPTYING);
        let mut tx = self.db.begin(&mut cx).await?;
        let mut cursor = Cursor::take(&mut tx, self.subscription.name, self.partition).await?;
        if cursor.rebuild {
            parked::remove_all(&mut tx, cursor.subscription).await?;
            self.subscription.work.clear(&mut tx).await?;
            cursor.begin_anew(&mut tx).await?;
            cursor.rebuild = false;
        }
        let blocked = parked::keys(&mut tx, &cursor).await?;
        tx.commit_part().await?;
        Ok(Standing {
            cursor,
            blocked,
            retry_at: Instant::now(),
            note_at: Instant::now(),
        })
    }

    fn ask(&self, standing: &Standing) -> Ask {
        Ask {
            reader: format!("{}/{}", self.db.module(), self.subscription.name),
            after: standing.cursor.position,
            partition: self.partition,
            of: self.partitions,
            limit: self.subscription.settings.batch,
        }
    }

    /// Why this log cannot be read on from this cursor.
    async fn obstacle(&self, standing: &Standing, page: &EventPage) -> Result<Option<String>, CallFailure> {
        let (cursor, head) = (&standing.cursor, &page.head);
        let (name, module) = (self.subscription.name, self.subscription.module);
        let known = cursor.log_id.map(|id| id.to_string());
        if known.as_ref().is_some_and(|known| *known != head.log_id) {
            return Ok(Some(format!(
                "{module} has another log than the one read so far, as after a restored backup: \
                 `offshoot events rebuild {name}` makes a copy anew, `offshoot events replay {name} --from N` goes on at a position"
            )));
        }
        if known.is_some() && cursor.position > head.last {
            return Ok(Some(format!(
                "the cursor stands at {} and the log of {module} ends at {}: `offshoot events replay {name} --from {}` goes on there",
                cursor.position,
                head.last,
                head.last + 1
            )));
        }
        // One that begins takes what is there; one that was set to a position expects what follows it.
        let expects = known.is_some() || cursor.position > 0;
        if expects && cursor.position < head.removed && cursor.removed < head.removed {
            return Ok(Some(format!(
                "events of {module} up to {} were removed for their age before they were handled: `offshoot events rebuild {name}` \
                 makes a copy anew, `offshoot events replay {name} --from {}` goes on with what is there",
                head.removed,
                head.removed + 1
            )));
        }
        if !standing.blocked.is_empty() {
            let parked = parked::count(&mut *self.db.read(&mut self.context()).await?, cursor).await?;
            if parked >= PARKED_MAX {
                return Ok(Some(format!(
                    "{parked} events are set aside, which is not their fault: mend the cause, then `offshoot events retry {name} --all`"
                )));
            }
        }
        Ok(None)
    }

    async fn hold(&self, standing: &Standing, why: &str) -> Result<(), CallFailure> {
        if standing.cursor.held.as_deref() == Some(why) {
            return Ok(());
        }
        tracing::error!(
            subscription = self.subscription.name,
            partition = self.partition,
            "{why}"
        );
        let mut cx = self.context();
        let mut tx = self.db.begin(&mut cx).await?;
        standing.cursor.hold(&mut tx, why).await?;
        tx.commit_part().await
    }

    /// Nothing to handle: notes now and then that this is so.
    async fn note_idle(&self, standing: &mut Standing, page: &EventPage, log: LogSeen) -> Result<(), CallFailure> {
        let is_known = standing.cursor.log_id.is_some() && standing.cursor.held.is_none();
        if is_known && Instant::now() < standing.note_at {
            standing.cursor.position = page.through;
            return Ok(());
        }
        let mut cx = self.context();
        let mut tx = self.db.begin(&mut cx).await?;
        let current_at = self.current_at(standing, page.complete_at);
        standing.cursor.advance(&mut tx, log, page.through, current_at).await?;
        tx.commit_part().await?;
        standing.moved_to(log, page.through);
        standing.note_at = Instant::now() + IDLE;
        Ok(())
    }

    /// A copy that lacks what was set aside is not current, whatever it has of later events.
    fn current_at(&self, standing: &Standing, at: Option<Timestamp>) -> Option<Timestamp> {
        at.filter(|_| standing.blocked.is_empty() || !self.subscription.work.is_copy())
    }

    /// Waits for the log to grow, or for the time to look at something else. Whether it grew.
    async fn wait(&self, standing: &Standing, head: &mut watch::Receiver<Option<Head>>) -> bool {
        let until = if standing.blocked.is_empty() {
            Instant::now() + LOOK_EVERY
        } else {
            standing.retry_at
        };
        timeout_at(until, head.changed()).await.is_ok()
    }

    /// Handles a page: all of it in one transaction, and one by one where that does not work.
    async fn handle(&self, standing: &mut Standing, page: &EventPage, log: LogSeen) -> Result<(), CallFailure> {
        let events: Vec<_> = page.events.iter().collect();
        match self.commit(standing, &events, page.through, page, log).await {
            Err(Rejection::Call(failure)) if passes(&failure) => return Err(failure),
            Err(_) => {}
            Ok(()) => return Ok(()),
        }
        for event in &page.events {
            match self.commit(standing, &[event], event.position, page, log).await {
                Ok(()) => {}
                Err(Rejection::Call(failure)) if passes(&failure) => return Err(failure),
                Err(rejection) => self.set_aside(standing, event, &rejection, log).await?,
            }
        }
        Ok(())
    }

    async fn commit(
        &self,
        standing: &mut Standing,
        events: &[&Announced],
        through: i64,
        page: &EventPage,
        log: LogSeen,
    ) -> Result<(), Rejection> {
        let (waiting, free): (Vec<_>, Vec<_>) = events.iter().partition(|event| standing.blocked.contains(&event.key));
        let mut cx = self.context();
        let mut tx = self.db.begin(&mut cx).await?;
        for event in waiting {
            parked::park(&mut tx, &standing.cursor, event, None).await?;
        }
        if !free.is_empty() {
            self.work(&mut tx, &free).await?;
        }
        let complete_at = page.complete_at.filter(|_| through == page.through);
        let current_at = self.current_at(standing, complete_at.or(events.last().map(|event| event.at)));
        standing.cursor.advance(&mut tx, log, through, current_at).await?;
        fault_point("events-handling").await;
        tx.commit_part().await?;
        standing.moved_to(log, through);
        // Whether that was all is known by then.
        standing.note_at = Instant::now() + LOOK_EVERY;
        fault_point("events-handled").await;
        Ok(())
    }

    /// The subscriber's own work. A panic of its is its refusal of the event.
    async fn work(&self, tx: &mut offshoot_db::Tx<'_>, events: &[&Announced]) -> Result<(), Rejection> {
        let handled = AssertUnwindSafe(self.subscription.work.handle(tx, events))
            .catch_unwind()
            .await;
        handled.unwrap_or_else(|_| Err(Rejection::Event("the subscriber panicked".to_owned())))
    }

    fn context(&self) -> CallContext {
        self.lease.context("events", self.subscription.settings.timeout)
    }
}

impl Standing {
    fn moved_to(&mut self, log: LogSeen, position: i64) {
        self.cursor.log_id = Some(log.id);
        self.cursor.removed = log.removed;
        self.cursor.position = position;
        self.cursor.held = None;
    }
}

/// Whether a failure is of the moment and not of the event. What takes too long is tried in smaller parts, and at last set
/// aside; unless it was the commit that took long: only the cursor knows whether that came about, so it is read anew.
fn passes(failure: &CallFailure) -> bool {
    failure.may_have_executed() || !matches!(failure.kind(), FailureKind::Internal | FailureKind::Timeout)
}

fn log_seen(head: &Head) -> Result<LogSeen, CallFailure> {
    let id = Uuid::parse_str(&head.log_id).map_err(|error| {
        CallFailure::not_executed(FailureKind::BadAnswer, "a log names itself by a UUID").caused_by(error)
    })?;
    Ok(LogSeen {
        id,
        removed: head.removed,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_without_an_answer_is_not_done_again_in_parts() {
        let slow = CallFailure::not_executed(FailureKind::Timeout, "a statement took too long");
        let silent = CallFailure::maybe_executed(FailureKind::Timeout, "the commit is not answered");
        assert!(!passes(&slow) && passes(&silent));
    }
}
