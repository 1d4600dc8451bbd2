//! A log in this process: the module's own database. Woken by commits made here; a look now and then finds those that
//! other processes made.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use offshoot_contract::{CallContext, CallFailure, Timestamp};
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
    /// The last look that left nothing without a position.
    looked: tokio::sync::Mutex<Option<Look>>,
    closed: watch::Sender<bool>,
}

/// A look for events without a position.
#[derive(Clone, Copy)]
struct Look {
    /// How often this process had announced something before.
    announced: u64,
    /// When it began, by the database's clock: what was committed before was found.
    at: Timestamp,
    ended: Instant,
}

impl LocalSource {
    /// The log of the module whose data is `db`.
    #[must_use]
    pub fn new(db: Db) -> Arc<Self> {
        Arc::new(Self {
            db,
            noted: Mutex::default(),
            looked: tokio::sync::Mutex::default(),
            closed: watch::Sender::new(false),
        })
    }

    /// Holds no answer back any more, since the process is about to end.
    pub fn close(&self) {
        self.closed.send_replace(true);
    }

    /// Gives positions to what has none, at most to a few thousand. Answers the last look that found that this was all; none if
    /// more may be waiting.
    ///
    /// One caller looks for all. Where nothing was announced here since, it is looked now and then for what others announced.
    async fn number(&self, cx: &mut CallContext) -> Result<Option<Look>, CallFailure> {
        let mut looked = self.looked.lock().await;
        let (announced, at) = (*self.db.announcements().borrow(), self.db.now());
        let is_new = looked.is_some_and(|look| look.announced != announced);
        if let Some(look) = *looked
            && !is_new
            && look.ended.elapsed() < LOOK_EVERY
        {
            return Ok(Some(look));
        }
        if (is_new || log::is_waiting(&self.db, cx).await?) && log::number(&self.db, cx).await? >= log::AT_ONCE {
            return Ok(None);
        }
        *looked = Some(Look {
            announced,
            at,
            ended: Instant::now(),
        });
        Ok(*looked)
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
            // As many as give readers something to do. They see to those that follow.
            self.number(&mut cx).await?;
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
        let (mut cx, began) = (Self::context(), Instant::now());
        let mut page = log::page(&mut *self.db.read(&mut cx).await?, ask).await?;
        // Whoever gets events handles them and asks again. One that has all that has a position gets more of them: a backlog is
        // numbered as fast as it is read.
        if page.events.is_empty() && page.is_last() {
            let look = self.number(&mut cx).await?;
            // What that found, whoever looked, has to be among them.
            if look.is_none_or(|look| look.ended >= began) {
                page = log::page(&mut *self.db.read(&mut cx).await?, ask).await?;
            }
            page.complete_at = look.filter(|_| page.is_last()).map(|look| look.at);
        }
        self.note(ask);
        Ok(page)
    }
}
