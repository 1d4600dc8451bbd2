//! Reads a module's log from its own database in this process.
//!
//! Commits of this process wake the reader; commits of other processes are found by polling.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use offshoot_contract::{CallContext, CallFailure, Timestamp};
use offshoot_db::Db;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use crate::limits::{ASSIGNED_MAX, LOG_POLL_INTERVAL, LOG_READ_TIMEOUT, LONG_POLL_MAX, READER_RECORD_INTERVAL};
use crate::log;
use crate::source::{AFTER_LEAVING, EventPage, EventSource, Head, ReadRequest};

/// A module's log, read from the module's own database.
pub struct LocalSource {
    db: Db,
    /// Time and position of each reader's last record.
    recorded: Mutex<HashMap<String, (Instant, i64)>>,
    /// The last poll that left no event without a position.
    last_poll: tokio::sync::Mutex<Option<Poll>>,
    closed: watch::Sender<bool>,
}

/// A poll for events without a position.
#[derive(Clone, Copy)]
struct Poll {
    /// Number of publishing commits of this process before the poll.
    commits: u64,
    /// Start of the poll by the database's clock: the poll found every event committed before.
    at: Timestamp,
    ended: Instant,
}

impl LocalSource {
    /// The log of the module whose data is `db`.
    #[must_use]
    pub fn new(db: Db) -> Arc<Self> {
        Arc::new(Self {
            db,
            recorded: Mutex::default(),
            last_poll: tokio::sync::Mutex::default(),
            closed: watch::Sender::new(false),
        })
    }

    /// Answers every waiting head request at once, because the process is shutting down.
    pub fn close(&self) {
        self.closed.send_replace(true);
    }

    /// Assigns positions to committed events that have none, at most [`ASSIGNED_MAX`]. Returns the last poll that left
    /// no event without a position, or `None` if more events may be waiting.
    ///
    /// One caller polls on behalf of all callers. If this process has published nothing since the last poll, the database
    /// is polled at most every [`LOG_POLL_INTERVAL`].
    async fn assign_positions(&self, cx: &mut CallContext) -> Result<Option<Poll>, CallFailure> {
        let mut last_poll = self.last_poll.lock().await;
        let (commits, at) = (*self.db.commit_notifications().borrow(), self.db.now());
        let is_new = last_poll.is_some_and(|poll| poll.commits != commits);
        if let Some(poll) = *last_poll
            && !is_new
            && poll.ended.elapsed() < LOG_POLL_INTERVAL
        {
            return Ok(Some(poll));
        }
        if (is_new || log::has_unnumbered_events(&self.db, cx).await?)
            && log::assign_positions(&self.db, cx).await? >= ASSIGNED_MAX
        {
            return Ok(None);
        }
        *last_poll = Some(Poll {
            commits,
            at,
            ended: Instant::now(),
        });
        Ok(*last_poll)
    }

    fn context() -> CallContext {
        CallContext::root("events").with_timeout(LOG_READ_TIMEOUT)
    }

    /// Records the reader's position for retention, in the background. A failure is harmless: the next read records again.
    fn record_progress(&self, request: &ReadRequest) {
        let reader = format!("{}/{}", request.reader, request.partition);
        {
            let mut recorded = self.recorded.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            // A reader that went back (replay) is recorded at once, before retention removes the replayed events. So is a
            // reader that leaves: no later read would record it.
            let is_fresh = |(at, position): &(Instant, i64)| {
                now - *at < READER_RECORD_INTERVAL && request.after >= *position && request.after != AFTER_LEAVING
            };
            if recorded.get(&reader).is_some_and(is_fresh) {
                return;
            }
            recorded.insert(reader.clone(), (now, request.after));
        }
        let (db, after) = (self.db.clone(), request.after);
        tokio::spawn(async move {
            if let Err(failure) = log::record_reader_position(&db, &mut Self::context(), &reader, after).await {
                tracing::debug!(module = db.module(), reader, %failure, "recording the position failed; the next read records again");
            }
        });
    }
}

#[async_trait]
impl EventSource for LocalSource {
    fn module(&self) -> &'static str {
        self.db.module()
    }

    async fn head(&self, beyond: i64) -> Result<Head, CallFailure> {
        let mut commits = self.db.commit_notifications();
        let mut closed = self.closed.subscribe();
        let until = Instant::now() + LONG_POLL_MAX;
        loop {
            commits.borrow_and_update();
            let mut cx = Self::context();
            // One batch is enough to wake the readers. Their own reads assign the positions of the rest.
            self.assign_positions(&mut cx).await?;
            let head = log::read_head(&mut *self.db.read(&mut cx).await?).await?;
            if head.last > beyond || Instant::now() >= until || *closed.borrow() {
                return Ok(head);
            }
            tokio::select! {
                _ = commits.changed() => {}
                _ = closed.changed() => {}
                () = sleep(LOG_POLL_INTERVAL) => {}
            }
        }
    }

    async fn read(&self, request: &ReadRequest) -> Result<EventPage, CallFailure> {
        let (mut cx, began) = (Self::context(), Instant::now());
        let mut page = log::read_page(&mut *self.db.read(&mut cx).await?, request).await?;
        // Only a reader at the end of the numbered events triggers the next assignment: positions of a backlog are assigned
        // as fast as the backlog is read.
        if page.events.is_empty() && page.is_last() {
            let poll = self.assign_positions(&mut cx).await?;
            // Events found by a poll that ended after this read began must be on the page, whichever caller polled.
            if poll.is_none_or(|poll| poll.ended >= began) {
                page = log::read_page(&mut *self.db.read(&mut cx).await?, request).await?;
            }
            page.complete_at = poll.filter(|_| page.is_last()).map(|poll| poll.at);
        }
        self.record_progress(request);
        Ok(page)
    }
}
