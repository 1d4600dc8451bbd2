//! Events of a module: announced in the transaction of the change, numbered after its commit, and handled by every
//! subscription once in effect, in order per key.
//!
//! A module announces with [`Publish::publish`]. Another one declares a [`Subscription`] with a [`Subscriber`]: what that
//! writes is committed together with the cursor, so that an event is delivered at least once and takes effect exactly
//! once. Where the log is read, in this process or over HTTP, is an [`EventSource`]. Knows no module.

// Announcing, in the module's own transaction.
mod publish;
// The log: what was announced, in its order.
mod log;
mod retention;
// Where subscribers read it, and the two real forms of that.
mod feed;
mod local;
mod source;
mod tail;
// Answering as badly as a log may, for tests.
mod disturbed;
// Handling it: what a module declares, and how it is carried out.
mod cursor;
mod parked;
mod subscription;
mod worker;
// Copies of another module's data, kept by events.
mod projection;
// What operators see and do.
mod operating;

pub use crate::disturbed::disturbed;
pub use crate::feed::{FeedError, HeadOfEvents, HttpSource, ReadEvents, serve_events};
pub use crate::local::LocalSource;
pub use crate::operating::{
    COUNTED, DeadLetter, EventsFailure, OutboxStatus, SubscriptionStatus, begin_new_log, dead_letters, outbox_status,
    rebuild, replay, retry, skip, status,
};
pub use crate::projection::{Age, Projection, age, latest};
pub use crate::publish::{MAX_PAYLOAD_BYTES, Publish};
pub use crate::retention::{KEPT_FOR, remove_old};
pub use crate::source::{Announced, Ask, EventPage, EventSource, Head};
pub use crate::subscription::{Delivered, Rejection, Subscriber, Subscription, SubscriptionSettings};
pub use crate::tail::Tail;
pub use crate::worker::run;
