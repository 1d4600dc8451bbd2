//! Transactional outbox: a module publishes events into its own log, and other modules subscribe to them.
//!
//! Knows no module. A module publishes with [`Publish::publish`] in the transaction of the change; the log assigns each
//! event a position after the commit. Another module declares a [`Subscription`] with a [`Subscriber`]. The rows that a
//! subscriber writes are committed together with its cursor: an event is delivered at least once, takes effect exactly
//! once, and is handled in order per key. An [`EventSource`] reads a log in this process or over HTTP.

// Bounds of everything below.
mod limits;
// Publishing, in the module's own transaction.
mod publish;
// The log: published events in order of position, and their retention.
mod log;
mod retention;
// Reading a log: the interface, the two implementations, and the poll loop of a process.
mod feed;
mod local;
mod source;
mod tail;
// Duplicated, reordered and late events, for tests.
mod fault_injection;
// Handling events: a module's declaration, its cursors and parked events, and the worker.
mod cursor;
mod delivery;
mod parked;
mod subscription;
mod worker;
// Projections of another module's data.
mod projection;
// Status of logs and subscriptions, and the operators' commands.
mod lag;
mod operating;
// State of subscriptions for metrics.
mod progress;
mod subscription_gauges;

pub use crate::delivery::{Delivered, Rejection};
pub use crate::fault_injection::inject_faults;
pub use crate::feed::{HttpSource, serve_events};
pub use crate::lag::{COUNT_LAG, LAG_SCAN_MAX, Lag, count_lag};
pub use crate::limits::{MAX_PAYLOAD_BYTES, RETENTION, UNNUMBERED_COUNT_MAX};
pub use crate::local::LocalSource;
pub use crate::operating::{
    OutboxStatus, ParkedEvent, SubscriptionError, SubscriptionStatus, begin_new_log, outbox_status, parked_events,
    rebuild, replay, retry, skip, status,
};
pub use crate::projection::{Age, Projection, latest_per_key, read_age};
pub use crate::publish::Publish;
pub use crate::retention::remove_expired_events;
pub use crate::source::{EventPage, EventSource, Head, PublishedEvent, ReadRequest};
pub use crate::subscription::{Subscriber, Subscription, SubscriptionSettings};
pub use crate::subscription_gauges::{FollowedLog, SubscriptionGauges, subscription_gauges};
pub use crate::tail::Tail;
pub use crate::worker::handle_events;
