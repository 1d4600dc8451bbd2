//! Polls the head of a log once for all subscriptions of this process.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::sleep;

use crate::limits::{BACKLOG_EVENTS, BACKLOG_PAUSE, BACKOFF};
use crate::source::{EventSource, Head};

/// A log with its last known head, shared by the subscriptions of this process.
pub struct Tail {
    source: Arc<dyn EventSource>,
    head: watch::Sender<Option<Head>>,
}

impl Tail {
    /// A tail of `source`; [`poll_head`](Self::poll_head) starts polling.
    #[must_use]
    pub fn new(source: Arc<dyn EventSource>) -> Arc<Self> {
        Arc::new(Self {
            source,
            head: watch::Sender::new(None),
        })
    }

    /// The log.
    #[must_use]
    pub fn source(&self) -> &Arc<dyn EventSource> {
        &self.source
    }

    /// The last position of the log as this process knows it; `None` before the first answer.
    pub(crate) fn last(&self) -> Option<i64> {
        self.head.borrow().as_ref().map(|head| head.last)
    }

    /// The last known head; changes as the log grows.
    pub(crate) fn subscribe(&self) -> watch::Receiver<Option<Head>> {
        self.head.subscribe()
    }

    /// Polls the head of the log until the future is dropped.
    pub async fn poll_head(self: Arc<Self>) {
        let mut backoff = BACKOFF;
        loop {
            let known = self.head.borrow().as_ref().map_or(-1, |head| head.last);
            match self.source.head(known).await {
                Ok(head) => {
                    backoff.reset();
                    let is_backlog = known >= 0 && head.last - known >= BACKLOG_EVENTS;
                    self.head.send_if_modified(|known| {
                        let changed = known.as_ref() != Some(&head);
                        *known = Some(head);
                        changed
                    });
                    if is_backlog {
                        sleep(BACKLOG_PAUSE).await;
                    }
                }
                Err(failure) => {
                    tracing::debug!(module = self.source.module(), %failure, "polling the log failed; retrying with backoff");
                    sleep(backoff.next_scattered_pause()).await;
                }
            }
        }
    }
}
