//! A log in this process: the module's own database. Woken by commits made here; a look now and then finds those that
//! other processes made.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use offshoot_contract::{CallContext, CallFailure};
use offshoot_db::Db;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use crate::log;
use crate::source::{Ask, EventPage, EventSource, Head};

/// How often a log is looked at that nobody has said anything of: what another process announced is found by then.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How long one answer about the head may be held back.
const HOLD: Duration = Duration::from_secs(20);
/// How long a statement may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How often it is noted how far a reader has come.
const NOTE_EVERY: Duration = Duration::from_secs(5);

/// A module's log, read from its own database.
pub struct LocalSource {
    db: Db,
    /// When each reader was noted last, and where.
    noted: Mutex<HashMap<String, (Instant, i64)>>,
    closed: watch::Sender<bool>,
}

impl LocalSource {
    /// The log of the module whose data is `db`.
    #[must_use]
    pub fn new(db: Db) -> Arc<Self> {
        Arc::new(Self {
            db,
            noted: Mutex::default(),
            closed: watch::Sender::new(false),
        })
    }

    /// Holds no answer back any more, since the process is about to end.
    pub fn close(&self) {
        self.closed.send_replace(true);
    }

    fn context() -> CallContext {
        CallContext::root("events").with_timeout(TIMEOUT)
    }

    /// Advisory, and not waited for: what fails here is done again soon.
    fn note(&self, ask: &Ask) {
        let reader = format!("{}/{}", ask.reader, ask.partition);
        {
            let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            // One that goes back wants what it comes to again: nothing of it may be removed meanwhile.
            let is_fresh = |(at, position): &(Instant, i64)| now - *at < NOTE_EVERY && ask.after >= *position;
            if noted.get(&reader).is_some_and(is_fresh) {
                return;
            }
            noted.insert(reader.clone(), (now, ask.after));
        }
        let (db, after) = (self.db.clone(), ask.after);
        tokio::spawn(async move {
            if let Err(failure) = log::note_reader(&db, &mut Self::context(), &reader, after).await {
                tracing::debug!(module = db.module(), reader, %failure, "cannot note how far it has read");
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
        let mut announcements = self.db.announcements();
        let mut closed = self.closed.subscribe();
        let until = Instant::now() + HOLD;
        loop {
            announcements.borrow_and_update();
            let mut cx = Self::context();
            // As many as give readers something to do, who see to those that follow.
            log::number(&self.db, &mut cx).await?;
            let head = log::head(&mut *self.db.read(&mut cx).await?).await?;
            if head.last > beyond || Instant::now() >= until || *closed.borrow() {
                return Ok(head);
            }
            tokio::select! {
                _ = announcements.changed() => {}
                _ = closed.changed() => {}
                () = sleep(LOOK_EVERY) => {}
            }
        }
    }

    async fn read(&self, ask: &Ask) -> Result<EventPage, CallFailure> {
        let mut cx = Self::context();
        let mut page = log::page(&mut *self.db.read(&mut cx).await?, ask).await?;
        if !page.events.is_empty() {
            // Whoever handles them looks again.
            page.more = true;
        } else if !page.more {
            // One that has all that has a position gets more of them: a backlog is numbered as fast as it is read.
            let numbered = log::number(&self.db, &mut cx).await?;
            if numbered > 0 {
                page = log::page(&mut *self.db.read(&mut cx).await?, ask).await?;
                page.more |= numbered == log::AT_ONCE;
            }
        }
        self.note(ask);
        Ok(page)
    }
}
