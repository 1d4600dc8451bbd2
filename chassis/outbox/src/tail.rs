//! One watch over a log for all subscriptions of this process: however many they are, the log is asked once what is new.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

use crate::source::{EventSource, Head};

/// How soon a log is asked again that did not answer; doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// Soon enough after an outage of hours.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// When so many events are new, readers have enough to do, and find what follows by themselves.
const MANY: i64 = 1_000;
/// How long they are left alone with it.
const READING: Duration = Duration::from_millis(250);

/// A log and what is known of its end.
pub struct Tail {
    source: Arc<dyn EventSource>,
    head: watch::Sender<Option<Head>>,
}

impl Tail {
    /// Of a log that nobody has looked at yet.
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

    /// Its state as last seen; changes as it grows.
    pub(crate) fn watch(&self) -> watch::Receiver<Option<Head>> {
        self.head.subscribe()
    }

    /// Watches the log. Runs until it is dropped.
    pub async fn run(self: Arc<Self>) {
        let mut pause = FIRST_PAUSE;
        loop {
            let known = self.head.borrow().as_ref().map_or(-1, |head| head.last);
            match self.source.head(known).await {
                Ok(head) => {
                    pause = FIRST_PAUSE;
                    let many = known >= 0 && head.last - known >= MANY;
                    self.head.send_if_modified(|known| {
                        let changed = known.as_ref() != Some(&head);
                        *known = Some(head);
                        changed
                    });
                    if many {
                        sleep(READING).await;
                    }
                }
                Err(failure) => {
                    tracing::debug!(module = self.source.module(), %failure, "its log does not answer");
                    sleep(pause.mul_f64(0.5 + rand::random::<f64>())).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }
}
