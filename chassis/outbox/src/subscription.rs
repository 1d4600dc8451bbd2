//! Declaration of a subscription: the events of another module, and their handler. Knows no cursor and no transport.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use offshoot_contract::{CallFailure, EventSet, UnreadableEvent};
use offshoot_db::Tx;

use crate::delivery::{Delivered, Rejection};
use crate::limits::{ATTEMPTS, BATCH_EVENTS, BATCH_TIMEOUT, FIRST_PAUSE, PARTITIONS};
use crate::progress::Progress;
use crate::projection::Projection;
use crate::source::PublishedEvent;

/// Handles events, one at a time.
#[async_trait]
pub trait Subscriber: Send + Sync + 'static {
    /// Events of the publishing module.
    type Event: EventSet;

    /// Writes the effect of the event, in the transaction that also moves the cursor.
    ///
    /// The worker calls `handle` again if that transaction is lost, so `handle` must have no effect outside the
    /// transaction.
    async fn handle(&self, tx: &mut Tx<'_>, event: &Delivered<Self::Event>) -> Result<(), Rejection>;
}

/// Settings of a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubscriptionSettings {
    /// Number of partitions of the keys, handled concurrently: a power of two, at most 64. Fixed once the subscription has
    /// started. Default: 4; a projection has 1.
    pub partitions: i32,
    /// Maximum number of events of one transaction. Default: 200.
    pub batch: u32,
    /// Timeout of one transaction. Default: 10 s.
    pub timeout: Duration,
    /// Attempts before a parked event becomes a dead letter. Default: 8.
    pub attempts: i32,
    /// Pause after the first attempt; doubles with each further attempt, at most seven times. Default: 500 ms.
    pub pause: Duration,
}

impl Default for SubscriptionSettings {
    fn default() -> Self {
        Self {
            partitions: PARTITIONS,
            batch: BATCH_EVENTS,
            timeout: BATCH_TIMEOUT,
            attempts: ATTEMPTS,
            pause: FIRST_PAUSE,
        }
    }
}

/// A module's subscription to another module's events.
///
/// The name is unique in the subscribing module and must never change: the cursors are stored under the name.
#[derive(Clone)]
pub struct Subscription {
    pub(crate) name: &'static str,
    pub(crate) module: &'static str,
    pub(crate) settings: SubscriptionSettings,
    pub(crate) handler: Arc<dyn EventHandler>,
    pub(crate) progress: Progress,
}

impl Subscription {
    /// A subscription that handles events one by one.
    #[must_use]
    pub fn new<S: Subscriber>(name: &'static str, subscriber: Arc<S>) -> Self {
        Self {
            name,
            module: S::Event::MODULE,
            settings: SubscriptionSettings::default(),
            handler: Arc::new(SubscriberHandler(subscriber)),
            progress: Progress::default(),
        }
    }

    /// A projection of another module's data. One partition, so all events are handled in order.
    #[must_use]
    pub fn projection<P: Projection>(name: &'static str, projection: Arc<P>) -> Self {
        Self {
            name,
            module: P::Event::MODULE,
            settings: SubscriptionSettings {
                partitions: 1,
                ..SubscriptionSettings::default()
            },
            handler: Arc::new(ProjectionHandler(projection)),
            progress: Progress::default(),
        }
    }

    /// Replaces the settings. Partitions are rounded down to a power of two; a projection keeps its one partition.
    #[must_use]
    pub fn with_settings(self, settings: SubscriptionSettings) -> Self {
        let partitions = if self.handler.is_projection() {
            1
        } else {
            settings.partitions
        };
        let partitions = partitions.clamp(1, 64);
        // A power of two divides the 64 buckets evenly.
        let partitions = 1 << partitions.ilog2();
        Self {
            settings: SubscriptionSettings { partitions, ..settings },
            ..self
        }
    }

    /// The name of the subscription.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The publishing module.
    #[must_use]
    pub fn module(&self) -> &'static str {
        self.module
    }
}

/// Handler of a subscription, without the type of the events.
#[async_trait]
pub(crate) trait EventHandler: Send + Sync {
    async fn handle(&self, tx: &mut Tx<'_>, events: &[&PublishedEvent]) -> Result<(), Rejection>;

    /// Empties the projection's tables.
    async fn clear(&self, tx: &mut Tx<'_>) -> Result<(), CallFailure>;

    fn is_projection(&self) -> bool;
}

struct SubscriberHandler<S>(Arc<S>);

#[async_trait]
impl<S: Subscriber> EventHandler for SubscriberHandler<S> {
    async fn handle(&self, tx: &mut Tx<'_>, events: &[&PublishedEvent]) -> Result<(), Rejection> {
        for event in events {
            self.0.handle(tx, &decode(event)?).await?;
        }
        Ok(())
    }

    async fn clear(&self, _: &mut Tx<'_>) -> Result<(), CallFailure> {
        Err(CallFailure::internal(
            "a subscription that is not a projection cannot be cleared",
        ))
    }

    fn is_projection(&self) -> bool {
        false
    }
}

struct ProjectionHandler<P>(Arc<P>);

#[async_trait]
impl<P: Projection> EventHandler for ProjectionHandler<P> {
    async fn handle(&self, tx: &mut Tx<'_>, events: &[&PublishedEvent]) -> Result<(), Rejection> {
        let events = events.iter().map(|event| decode(event));
        let events = events.collect::<Result<Vec<_>, _>>()?;
        self.0.apply(tx, &events).await
    }

    async fn clear(&self, tx: &mut Tx<'_>) -> Result<(), CallFailure> {
        self.0.clear(tx).await
    }

    fn is_projection(&self) -> bool {
        true
    }
}

/// Decodes an event. An event unknown to this binary's contract is an error and not skipped, because a newer binary may
/// handle it.
fn decode<E: EventSet>(event: &PublishedEvent) -> Result<Delivered<E>, UnreadableEvent> {
    Ok(Delivered {
        event: E::decode(&event.name, event.version, &event.payload)?,
        position: event.position,
        at: event.at,
    })
}
