//! Connection of this process to the control database: opened when there is one, and kept.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use offshoot_db::Db;
use offshoot_jobs::{HeartbeatTiming, Replica};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use uuid::Uuid;

/// Pause between two attempts to open the control database.
const RETRY: Duration = Duration::from_secs(1);
/// Timeout for opening the control database, and for creating one.
const OPEN_TIMEOUT: Duration = Duration::from_secs(5);
const CREATE_TIMEOUT: Duration = Duration::from_secs(30);

/// Opens the control database.
pub trait ControlDatabase: Send + Sync {
    /// Opens the control database. `None` if there is none. `create`: creates one, on an engine where a process may.
    fn open(&self, create: bool) -> BoxFuture<'_, Result<Option<Db>, String>>;
}

/// The open control database, and this process in its roster.
pub(crate) struct Control {
    pub(crate) db: Db,
    pub(crate) replica: Arc<Replica>,
}

/// Whether the control database answers this process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Availability {
    /// Not asked yet.
    Unknown,
    /// There is none: no module was ever moved.
    Missing,
    /// The database does not open or does not answer; the reason.
    Unreachable(String),
    /// The database answers.
    Available,
}

/// Connection to the control database.
pub(crate) struct ControlLink {
    source: Arc<dyn ControlDatabase>,
    instance: Uuid,
    timing: HeartbeatTiming,
    opened: watch::Sender<Option<Arc<Control>>>,
    /// Time of the last attempt to open. Locked while opening, so that one attempt runs at a time.
    attempted: tokio::sync::Mutex<Option<Instant>>,
    availability: Mutex<Availability>,
}

impl ControlLink {
    pub(crate) fn new(source: Arc<dyn ControlDatabase>, instance: Uuid, timing: HeartbeatTiming) -> Self {
        Self {
            source,
            instance,
            timing,
            opened: watch::Sender::new(None),
            attempted: tokio::sync::Mutex::default(),
            availability: Mutex::new(Availability::Unknown),
        }
    }

    /// The control database, if it is open.
    pub(crate) fn current(&self) -> Option<Arc<Control>> {
        self.opened.borrow().clone()
    }

    /// Waits until the control database is open.
    pub(crate) async fn wait_until_open(&self) -> Option<Arc<Control>> {
        let mut opened = self.opened.subscribe();
        opened.wait_for(Option::is_some).await.ok()?.clone()
    }

    /// Opens the control database like [`open`](Self::open), at most once a second. Repeats the last outcome in between.
    pub(crate) async fn poll(&self) -> Result<Option<Arc<Control>>, String> {
        let is_early = self.attempted.lock().await.is_some_and(|last| last.elapsed() < RETRY);
        match (self.current(), self.availability()) {
            (None, Availability::Unreachable(why)) if is_early => Err(why),
            (None, Availability::Missing) if is_early => Ok(None),
            (Some(control), _) => Ok(Some(control)),
            (None, _) => self.open(false).await,
        }
    }

    /// Opens the control database once. `None` if none exists; `create`: creates a missing one.
    pub(crate) async fn open(&self, create: bool) -> Result<Option<Arc<Control>>, String> {
        let mut attempted = self.attempted.lock().await;
        if let Some(control) = self.current() {
            return Ok(Some(control));
        }
        *attempted = Some(Instant::now());
        let limit = if create { CREATE_TIMEOUT } else { OPEN_TIMEOUT };
        let opened = timeout(limit, self.source.open(create)).await;
        let opened = opened.unwrap_or_else(|_| Err(format!("no answer within {} s", limit.as_secs())));
        let found = match &opened {
            Ok(Some(_)) => Availability::Available,
            Ok(None) => Availability::Missing,
            Err(why) => Availability::Unreachable(why.clone()),
        };
        self.set_availability(found);
        Ok(opened?.map(|db| self.keep(db)))
    }

    pub(crate) fn availability(&self) -> Availability {
        self.availability.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sets the availability. Each change is logged once.
    pub(crate) fn set_availability(&self, found: Availability) {
        let before = {
            let mut availability = self.availability.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *availability, found.clone())
        };
        match (&before, &found) {
            (Availability::Unreachable(_), Availability::Unreachable(_)) => {}
            (_, Availability::Unreachable(failure)) => tracing::warn!(
                failure,
                "the control database does not answer; calls go on as before, and steps are not possible"
            ),
            (Availability::Unreachable(_), _) => tracing::info!("the control database answers again"),
            (Availability::Unknown, Availability::Missing) => tracing::debug!("there is no control database"),
            (Availability::Missing, Availability::Available) => tracing::info!("a control database was created"),
            _ => {}
        }
    }

    fn keep(&self, db: Db) -> Arc<Control> {
        let replica = Replica::of_process(db.clone(), self.instance, self.timing);
        let control = Arc::new(Control { db, replica });
        self.opened.send_replace(Some(Arc::clone(&control)));
        control
    }
}
