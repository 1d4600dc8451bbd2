//! What a module declares that it does with another one's events. Knows no cursor and no transport.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use offshoot_contract::{CallFailure, EventSet, Timestamp, UnreadableEvent};
use offshoot_db::Tx;

use crate::projection::Projection;
use crate::source::Announced;

/// An event as a subscriber gets it.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivered<E> {
    /// What happened.
    pub event: E,
    /// Its place in the log of its module.
    pub position: i64,
    /// When it was announced.
    pub at: Timestamp,
}

/// Why an event was not handled.
#[derive(Debug, thiserror::Error)]
pub enum Rejection {
    /// It cannot be: it is tried again a few times, and then left to an operator. Later events of its key wait behind it.
    #[error("{0}")]
    Event(String),
    /// It cannot be read here.
    #[error(transparent)]
    Unreadable(#[from] UnreadableEvent),
    /// The database did not do it. `Internal` is taken for the event's fault, as where it breaks a rule of the schema;
    /// everything else passes, and is waited for.
    #[error(transparent)]
    Call(#[from] CallFailure),
}

/// Handles events, one at a time.
#[async_trait]
pub trait Subscriber: Send + Sync + 'static {
    /// Whose events.
    type Event: EventSet;

    /// Writes what follows from the event, in the transaction that also notes it as handled. It may run again if that
    /// transaction is lost, so it does nothing outside of it.
    async fn handle(&self, tx: &mut Tx<'_>, event: &Delivered<Self::Event>) -> Result<(), Rejection>;
}

/// How a subscription goes about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubscriptionSettings {
    /// Into how many parts the keys are divided that can be handled at once: a power of two, at most 64. Fixed once it has
    /// begun. 4; a copy has one.
    pub partitions: i32,
    /// At most so many events in one transaction: 200.
    pub batch: u32,
    /// How long one transaction may take: 10 s.
    pub timeout: Duration,
    /// How often an event is tried before it is dead: 8.
    pub attempts: i32,
    /// The pause after the first attempt; doubles with each, up to a hundred times: 500 ms.
    pub pause: Duration,
}

impl Default for SubscriptionSettings {
    fn default() -> Self {
        Self {
            partitions: 4,
            batch: 200,
            timeout: Duration::from_secs(10),
            attempts: 8,
            pause: Duration::from_millis(500),
        }
    }
}

/// A module's interest in another one's events. The name is unique in the module and stays: the cursor stands under it.
#[derive(Clone)]
pub struct Subscription {
    pub(crate) name: &'static str,
    pub(crate) module: &'static str,
    pub(crate) settings: SubscriptionSettings,
    pub(crate) work: Arc<dyn Work>,
}

impl Subscription {
    /// Events handled one by one.
    #[must_use]
    pub fn new<S: Subscriber>(name: &'static str, subscriber: Arc<S>) -> Self {
        Self {
            name,
            module: S::Event::MODULE,
            settings: SubscriptionSettings::default(),
            work: Arc::new(OneByOne(subscriber)),
        }
    }

    /// A copy of another module's data. Its events are handled in one order.
    #[must_use]
    pub fn copy<P: Projection>(name: &'static str, projection: Arc<P>) -> Self {
        Self {
            name,
            module: P::Event::MODULE,
            settings: SubscriptionSettings {
                partitions: 1,
                ..SubscriptionSettings::default()
            },
            work: Arc::new(Copying(projection)),
        }
    }

    /// The same with other settings. A copy keeps its one partition.
    #[must_use]
    pub fn with(self, settings: SubscriptionSettings) -> Self {
        let partitions = if self.work.is_copy() { 1 } else { settings.partitions };
        let partitions = partitions.clamp(1, 64);
        // A power of two divides the 64 parts evenly.
        let partitions = 1 << partitions.ilog2();
        Self {
            settings: SubscriptionSettings { partitions, ..settings },
            ..self
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The module whose events it handles.
    #[must_use]
    pub fn module(&self) -> &'static str {
        self.module
    }
}

/// What is done with events, whatever their type.
#[async_trait]
pub(crate) trait Work: Send + Sync {
    async fn handle(&self, tx: &mut Tx<'_>, events: &[&Announced]) -> Result<(), Rejection>;

    /// Empties the copy.
    async fn clear(&self, tx: &mut Tx<'_>) -> Result<(), CallFailure>;

    fn is_copy(&self) -> bool;
}

struct OneByOne<S>(Arc<S>);

#[async_trait]
impl<S: Subscriber> Work for OneByOne<S> {
    async fn handle(&self, tx: &mut Tx<'_>, events: &[&Announced]) -> Result<(), Rejection> {
        for announced in events {
            self.0.handle(tx, &read(announced)?).await?;
        }
        Ok(())
    }

    async fn clear(&self, _: &mut Tx<'_>) -> Result<(), CallFailure> {
        Err(CallFailure::internal("what is no copy cannot be made anew"))
    }

    fn is_copy(&self) -> bool {
        false
    }
}

struct Copying<P>(Arc<P>);

#[async_trait]
impl<P: Projection> Work for Copying<P> {
    async fn handle(&self, tx: &mut Tx<'_>, events: &[&Announced]) -> Result<(), Rejection> {
        let events = events.iter().map(|announced| read(announced));
        let events = events.collect::<Result<Vec<_>, _>>()?;
        self.0.apply(tx, &events).await
    }

    async fn clear(&self, tx: &mut Tx<'_>) -> Result<(), CallFailure> {
        self.0.clear(tx).await
    }

    fn is_copy(&self) -> bool {
        true
    }
}

/// What this binary's contract does not have is not passed over: a newer one may wait for it.
fn read<E: EventSet>(announced: &Announced) -> Result<Delivered<E>, UnreadableEvent> {
    Ok(Delivered {
        event: E::read(&announced.name, announced.version, &announced.payload)?,
        position: announced.position,
        at: announced.at,
    })
}
