//! Delivery of an event to a subscriber: the delivered event, and why it was not handled. Knows no cursor and no transport.

use offshoot_contract::{CallFailure, Timestamp, UnreadableEvent};

/// An event as delivered to a subscriber.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivered<E> {
    /// The decoded event.
    pub event: E,
    /// Position in the publisher's log.
    pub position: i64,
    /// Time of publication.
    pub at: Timestamp,
}

/// Why an event was not handled.
#[derive(Debug, thiserror::Error)]
pub enum Rejection {
    /// The event cannot be handled: it is parked and retried, and becomes a dead letter once the attempts are exhausted.
    /// Later events of the same key wait.
    #[error("{0}")]
    Event(String),
    /// This binary's contract cannot decode the event.
    #[error(transparent)]
    Unreadable(#[from] UnreadableEvent),
    /// The database failed. `Internal`, such as a violated constraint, counts as a failure of the event. Any other failure
    /// is transient: the worker retries without parking the event.
    #[error(transparent)]
    Call(#[from] CallFailure),
}
