//! Subscription worker: handles the events of one partition in order, while this process holds the partition's lease.
//!
//! The effect of an event and the move of the cursor are one commit. An event that fails is parked together with later
//! events of its key; other keys continue. A transient failure of the database or the log is retried with backoff.

// Parking and retrying of failed events.
mod retrying;

use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::join_all;
use offshoot_contract::{Backoff, CallContext, CallFailure, FailureKind, Timestamp, error_chain, fault_point};
use offshoot_db::Db;
use offshoot_jobs::{Lease, Replica};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout_at};
use uuid::Uuid;

use crate::cursor::{self, Cursor, LogState};
use crate::delivery::Rejection;
use crate::limits::{BACKOFF, CLEAR_TIMEOUT, IDLE_POLL_INTERVAL, IDLE_RECORD_INTERVAL, PARKED_MAX, RETRY_INTERVAL};
use crate::parked;
use crate::source::{EventPage, Head, PublishedEvent, ReadRequest};
use crate::subscription::Subscription;
use crate::tail::Tail;

/// Handles the events of a subscription in this process, sharing the partitions with the other replicas. Runs until the
/// future is dropped.
pub async fn handle_events(subscription: Subscription, tail: Arc<Tail>, replica: Arc<Replica>) {
    let partitions = create_cursors(&subscription, replica.db()).await;
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
            worker.process_until_dropped()
        };
        let replica = Arc::clone(&replica);
        async move { replica.run_under_lease(name, work).await }
    }))
    .await;
}

/// Creates the cursors, waiting for the database if necessary. Returns the number of partitions.
async fn create_cursors(subscription: &Subscription, db: &Db) -> i32 {
    let wanted = subscription.settings.partitions;
    let mut backoff = BACKOFF;
    loop {
        let mut cx = CallContext::root("events").with_timeout(subscription.settings.timeout);
        let created: Result<i32, CallFailure> = async {
            let mut tx = db.begin(&mut cx).await?;
            let partitions = cursor::create_missing(
                &mut tx,
                subscription.name,
                subscription.module,
                wanted,
                subscription.handler.is_projection(),
            )
            .await?;
            tx.commit_part().await?;
            Ok(partitions)
        }
        .await;
        match created {
            Ok(partitions) => {
                if partitions != wanted {
                    let name = subscription.name;
                    tracing::warn!(
                        subscription = name,
                        partitions,
                        wanted,
                        "the number of partitions cannot change once a subscription has started; keeping the present number"
                    );
                }
                return partitions;
            }
            Err(failure) => {
                tracing::debug!(subscription = subscription.name, %failure, "creating the cursors failed; retrying");
            }
        }
        sleep(backoff.next_pause()).await;
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

/// The worker's view of a partition while this process holds the lease.
struct PartitionState {
    cursor: Cursor,
    /// Keys with parked events: later events of these keys are parked too.
    blocked_keys: HashSet<String>,
    /// Time of the next search for due parked events.
    retry_at: Instant,
    /// Time of the next record of an idle partition.
    record_at: Instant,
}

impl Worker {
    async fn process_until_dropped(self) {
        let mut backoff = BACKOFF;
        let mut head = self.tail.subscribe();
        loop {
            match self.process_events(&mut head, &mut backoff).await {
                Ok(()) => backoff.reset(),
                Err(failure) => {
                    let (subscription, partition) = (self.subscription.name, self.partition);
                    let pause = backoff.next_scattered_pause();
                    // Warned once per stall, and only for failures that last longer than a moment.
                    if backoff.is_nearly_longest() {
                        let failure = error_chain(&failure);
                        tracing::warn!(
                            subscription,
                            partition,
                            failure,
                            "subscription stalled; retrying with backoff"
                        );
                    } else {
                        tracing::debug!(subscription, partition, %failure, "handling events failed; retrying with backoff");
                    }
                    sleep(pause).await;
                }
            }
        }
    }

    /// Takes the partition and handles its events. Returns at a failure, at a hold, and after an operator has moved the
    /// cursor.
    async fn process_events(
        &self,
        head: &mut watch::Receiver<Option<Head>>,
        backoff: &mut Backoff,
    ) -> Result<(), CallFailure> {
        let mut state = self.take_partition().await?;
        let _forgetting = self.subscription.progress.forget_on_drop(self.partition);
        loop {
            self.subscription.progress.record(self.partition, state.cursor.position);
            if Instant::now() >= state.retry_at {
                self.retry_parked(&mut state).await?;
            }
            // Marked as seen before the read, so that an event published during the read wakes the worker below.
            head.borrow_and_update();
            let page = self.tail.source().read(&self.read_request(&state)).await?;
            let page = page.normalized_after(state.cursor.position);
            if let Some(why) = self.find_hold_reason(&state, &page).await? {
                self.record_hold(&state, &why).await?;
                sleep(RETRY_INTERVAL).await;
                return Ok(());
            }
            let log = parse_log_state(&page.head)?;
            if page.events.is_empty() {
                let is_further = page.through > state.cursor.position;
                self.record_idle(&mut state, &page, log).await?;
                if page.complete_at.is_none() && is_further {
                    continue;
                }
                let is_woken = self.wait_for_new_events(&state, head).await;
                if !is_woken
                    && !state
                        .cursor
                        .is_current(&mut *self.db.read(&mut self.context()).await?)
                        .await?
                {
                    return Ok(());
                }
            } else {
                self.handle_page(&mut state, &page, log).await?;
            }
            backoff.reset();
        }
    }

    /// Takes the partition's cursor, and clears the projection if a rebuild was requested.
    async fn take_partition(&self) -> Result<PartitionState, CallFailure> {
        let mut cx = self.lease.context("events", CLEAR_TIMEOUT);
        let mut tx = self.db.begin(&mut cx).await?;
        let mut cursor = Cursor::take(&mut tx, self.subscription.name, self.partition).await?;
        if cursor.rebuild {
            parked::remove_all(&mut tx, cursor.subscription).await?;
            self.subscription.handler.clear(&mut tx).await?;
            cursor.record_cleared(&mut tx).await?;
            cursor.rebuild = false;
        }
        let blocked_keys = parked::blocked_keys(&mut tx, &cursor).await?;
        tx.commit_part().await?;
        Ok(PartitionState {
            cursor,
            blocked_keys,
            retry_at: Instant::now(),
            record_at: Instant::now(),
        })
    }

    fn read_request(&self, state: &PartitionState) -> ReadRequest {
        ReadRequest {
            reader: format!("{}/{}", self.db.module(), self.subscription.name),
            after: state.cursor.position,
            partition: self.partition,
            partitions: self.partitions,
            limit: self.subscription.settings.batch,
        }
    }

    /// Reason why the partition must not continue from its cursor in this log, if any.
    async fn find_hold_reason(&self, state: &PartitionState, page: &EventPage) -> Result<Option<String>, CallFailure> {
        let (cursor, head) = (&state.cursor, &page.head);
        let (name, module) = (self.subscription.name, self.subscription.module);
        let known = cursor.log_id.map(|id| id.to_string());
        if known.as_ref().is_some_and(|known| *known != head.log_id) {
            return Ok(Some(format!(
                "the log of {module} was replaced, as after a restored backup: \
                 `offshoot events rebuild {name}` rebuilds a projection, `offshoot events replay {name} --from N` continues at a position"
            )));
        }
        if known.is_some() && cursor.position > head.last {
            return Ok(Some(format!(
                "the cursor is at {}, but the log of {module} ends at {}: `offshoot events replay {name} --from {}` continues there",
                cursor.position,
                head.last,
                head.last + 1
            )));
        }
        // A new subscription accepts whatever events remain. A cursor that an operator set to a position expects every event
        // after that position.
        let expects_all = known.is_some() || cursor.position > 0;
        if expects_all && cursor.position < head.removed_through && cursor.removed_through < head.removed_through {
            return Ok(Some(format!(
                "retention removed events of {module} up to {} before they were handled: `offshoot events rebuild {name}` \
                 rebuilds a projection, `offshoot events replay {name} --from {}` continues with the remaining events",
                head.removed_through,
                head.removed_through + 1
            )));
        }
        if !state.blocked_keys.is_empty() {
            let parked = parked::count(&mut *self.db.read(&mut self.context()).await?, cursor).await?;
            if parked >= PARKED_MAX {
                return Ok(Some(format!(
                    "{parked} events are parked, so the subscriber is failing: fix the cause, then `offshoot events retry {name} --all`"
                )));
            }
        }
        Ok(None)
    }

    /// Records and logs once why the partition is held.
    async fn record_hold(&self, state: &PartitionState, why: &str) -> Result<(), CallFailure> {
        if state.cursor.held.as_deref() == Some(why) {
            return Ok(());
        }
        tracing::error!(
            subscription = self.subscription.name,
            partition = self.partition,
            "subscription is held: {why}"
        );
        let mut cx = self.context();
        let mut tx = self.db.begin(&mut cx).await?;
        state.cursor.hold(&mut tx, why).await?;
        tx.commit_part().await
    }

    /// Records the position of an idle partition, at most every [`IDLE_RECORD_INTERVAL`].
    async fn record_idle(
        &self,
        state: &mut PartitionState,
        page: &EventPage,
        log: LogState,
    ) -> Result<(), CallFailure> {
        let is_known = state.cursor.log_id.is_some() && state.cursor.held.is_none();
        if is_known && Instant::now() < state.record_at {
            state.cursor.position = page.through;
            return Ok(());
        }
        let mut cx = self.context();
        let mut tx = self.db.begin(&mut cx).await?;
        let current_at = self.current_at(state, page.complete_at);
        state.cursor.advance(&mut tx, log, page.through, current_at).await?;
        tx.commit_part().await?;
        state.advance_to(log, page.through);
        state.record_at = Instant::now() + IDLE_RECORD_INTERVAL;
        Ok(())
    }

    /// `at`, unless the partition is a projection with parked events: such a projection is not current.
    fn current_at(&self, state: &PartitionState, at: Option<Timestamp>) -> Option<Timestamp> {
        at.filter(|_| state.blocked_keys.is_empty() || !self.subscription.handler.is_projection())
    }

    /// Waits for new events or for the next retry or poll. Returns whether the log grew.
    async fn wait_for_new_events(&self, state: &PartitionState, head: &mut watch::Receiver<Option<Head>>) -> bool {
        let until = if state.blocked_keys.is_empty() {
            Instant::now() + IDLE_POLL_INTERVAL
        } else {
            state.retry_at
        };
        timeout_at(until, head.changed()).await.is_ok()
    }

    /// Handles a page in one transaction. If an event fails, handles the events one by one and parks the failing events.
    async fn handle_page(
        &self,
        state: &mut PartitionState,
        page: &EventPage,
        log: LogState,
    ) -> Result<(), CallFailure> {
        let events: Vec<_> = page.events.iter().collect();
        match self.commit_events(state, &events, page.through, page, log).await {
            Err(Rejection::Call(failure)) if is_transient(&failure) => return Err(failure),
            Err(_) => {}
            Ok(()) => return Ok(()),
        }
        for event in &page.events {
            match self.commit_events(state, &[event], event.position, page, log).await {
                Ok(()) => {}
                Err(Rejection::Call(failure)) if is_transient(&failure) => return Err(failure),
                Err(rejection) => {
                    self.park(state, event, &rejection, log).await?;
                    self.subscription.progress.count_parked();
                }
            }
        }
        Ok(())
    }

    /// Handles `events` and moves the cursor to `through` in one transaction.
    async fn commit_events(
        &self,
        state: &mut PartitionState,
        events: &[&PublishedEvent],
        through: i64,
        page: &EventPage,
        log: LogState,
    ) -> Result<(), Rejection> {
        let (waiting, free): (Vec<_>, Vec<_>) =
            events.iter().partition(|event| state.blocked_keys.contains(&event.key));
        let mut cx = self.context();
        let mut tx = self.db.begin(&mut cx).await?;
        for event in waiting {
            parked::park(&mut tx, &state.cursor, event, None).await?;
        }
        if !free.is_empty() {
            self.call_subscriber(&mut tx, &free).await?;
        }
        let complete_at = page.complete_at.filter(|_| through == page.through);
        let current_at = self.current_at(state, complete_at.or(events.last().map(|event| event.at)));
        state.cursor.advance(&mut tx, log, through, current_at).await?;
        fault_point("events-handling").await;
        tx.commit_part().await?;
        self.subscription.progress.count_handled(events.len());
        state.advance_to(log, through);
        // The next idle read finds out whether these were the last events.
        state.record_at = Instant::now() + IDLE_POLL_INTERVAL;
        fault_point("events-handled").await;
        Ok(())
    }

    /// Calls the subscriber. A panic of the subscriber counts as a failure of the event.
    async fn call_subscriber(&self, tx: &mut offshoot_db::Tx<'_>, events: &[&PublishedEvent]) -> Result<(), Rejection> {
        let handled = AssertUnwindSafe(self.subscription.handler.handle(tx, events))
            .catch_unwind()
            .await;
        handled.unwrap_or_else(|_| Err(Rejection::Event("the subscriber panicked".to_owned())))
    }

    fn context(&self) -> CallContext {
        self.lease.context("events", self.subscription.settings.timeout)
    }
}

impl PartitionState {
    fn advance_to(&mut self, log: LogState, position: i64) {
        self.cursor.log_id = Some(log.id);
        self.cursor.removed_through = log.removed_through;
        self.cursor.position = position;
        self.cursor.held = None;
    }
}

/// Whether a failure is transient and not caused by the event.
///
/// A timeout is not transient: the events are retried one by one, and an event that still times out is parked. A timeout of
/// the commit is transient: the commit may have executed, and only the cursor, read anew, tells.
fn is_transient(failure: &CallFailure) -> bool {
    failure.may_have_executed() || !matches!(failure.kind(), FailureKind::Internal | FailureKind::Timeout)
}

fn parse_log_state(head: &Head) -> Result<LogState, CallFailure> {
    let id = Uuid::parse_str(&head.log_id).map_err(|error| {
        CallFailure::not_executed(FailureKind::BadAnswer, "the id of the log is not a valid UUID").caused_by(error)
    })?;
    Ok(LogState {
        id,
        removed_through: head.removed_through,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unanswered_commit_is_transient_and_a_slow_statement_is_not() {
        let slow = CallFailure::not_executed(FailureKind::Timeout, "a statement took too long");
        let unanswered = CallFailure::maybe_executed(FailureKind::Timeout, "the commit is not answered");
        assert!(!is_transient(&slow) && is_transient(&unanswered));
    }
}
