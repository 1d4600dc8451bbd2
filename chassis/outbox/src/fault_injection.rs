//! Fault injection for event logs: late commits, duplicated events, and events of different keys out of order.
//!
//! For tests of subscribers. A release build injects nothing.

use std::sync::Arc;

use crate::source::EventSource;

/// Wraps `source` in a debug build if the environment variable `OFFSHOOT_EVENT_FAULTS` is set, such as
/// `seed=7,duplicate=2%,reorder=2%,linger=5%`; otherwise returns `source`.
///
/// `duplicate` and `reorder` are shares of the events, `linger` is a share of the publishing transactions. Every page with
/// events writes one line to stderr with the numbers of events, duplicates and reorderings.
#[must_use]
pub fn inject_faults(source: Arc<dyn EventSource>) -> Arc<dyn EventSource> {
    #[cfg(debug_assertions)]
    if let Some(faults) = faults::configured() {
        return Arc::new(faults::FaultySource::new(source, faults));
    }
    source
}

/// Delays the commit of a publishing transaction if `linger` is configured.
pub(crate) async fn delay_commit() {
    #[cfg(debug_assertions)]
    if let Some(pause) = faults::pause_before_commit() {
        tokio::time::sleep(pause).await;
    }
}

#[cfg(debug_assertions)]
mod faults {
    use std::sync::{Arc, Mutex, OnceLock, PoisonError};
    use std::time::Duration;

    use async_trait::async_trait;
    use offshoot_contract::CallFailure;
    use rand::rngs::StdRng;
    use rand::{RngExt as _, SeedableRng as _};

    use crate::source::{EventPage, EventSource, Head, PublishedEvent, ReadRequest};

    /// Duplicated events come from this many positions before the requested events.
    const REPEATED_WINDOW: i64 = 8;
    /// Milliseconds between publishing and committing.
    const COMMIT_DELAY_MS: std::ops::Range<u64> = 5..60;

    /// Shares of faults, 0 to 1.
    #[derive(Debug, Clone, Copy, PartialEq, Default)]
    pub(super) struct Faults {
        seed: u64,
        duplicate: f64,
        reorder: f64,
        linger: f64,
    }

    impl Faults {
        pub(super) fn parse(text: &str) -> Option<Self> {
            let mut faults = Self::default();
            let share = |value: &str| Some(value.strip_suffix('%')?.parse::<f64>().ok()? / 100.0);
            for part in text.split(',') {
                match part.split_once('=')? {
                    ("seed", value) => faults.seed = value.parse().ok()?,
                    ("duplicate", value) => faults.duplicate = share(value)?,
                    ("reorder", value) => faults.reorder = share(value)?,
                    ("linger", value) => faults.linger = share(value)?,
                    _ => return None,
                }
            }
            Some(faults)
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "not a setting, so that no configuration can enable faults by mistake"
    )]
    pub(super) fn configured() -> Option<Faults> {
        static FAULTS: OnceLock<Option<Faults>> = OnceLock::new();
        *FAULTS.get_or_init(|| {
            let text = std::env::var("OFFSHOOT_EVENT_FAULTS").ok()?;
            let faults = Faults::parse(&text);
            Some(faults.expect("OFFSHOOT_EVENT_FAULTS must look like seed=7,duplicate=2%,reorder=2%,linger=5%"))
        })
    }

    pub(super) fn pause_before_commit() -> Option<Duration> {
        let share = configured()?.linger;
        let mut chance = rand::rng();
        (chance.random::<f64>() < share).then(|| Duration::from_millis(chance.random_range(COMMIT_DELAY_MS)))
    }

    pub(super) struct FaultySource {
        source: Arc<dyn EventSource>,
        faults: Faults,
        chance: Mutex<StdRng>,
    }

    impl FaultySource {
        pub(super) fn new(source: Arc<dyn EventSource>, faults: Faults) -> Self {
            let chance = Mutex::new(StdRng::seed_from_u64(faults.seed));
            Self { source, faults, chance }
        }

        fn draw(&self, share: f64) -> bool {
            let mut chance = self.chance.lock().unwrap_or_else(PoisonError::into_inner);
            chance.random::<f64>() < share
        }

        /// Up to `count` events just before the requested ones.
        async fn earlier(&self, request: &ReadRequest, count: usize) -> Result<Vec<PublishedEvent>, CallFailure> {
            let before = ReadRequest {
                after: (request.after - REPEATED_WINDOW).max(0),
                ..request.clone()
            };
            let mut events = self.source.read(&before).await?.events;
            events.retain(|event| event.position <= request.after);
            Ok(events.split_off(events.len().saturating_sub(count)))
        }
    }

    #[async_trait]
    impl EventSource for FaultySource {
        fn module(&self) -> &'static str {
            self.source.module()
        }

        async fn head(&self, beyond: i64) -> Result<Head, CallFailure> {
            self.source.head(beyond).await
        }

        async fn read(&self, request: &ReadRequest) -> Result<EventPage, CallFailure> {
            let mut page = self.source.read(request).await?;
            let count = page.events.len();
            let duplicates = (0..count).filter(|_| self.draw(self.faults.duplicate)).count();
            if duplicates > 0 {
                let mut events = self.earlier(request, duplicates).await?;
                // Without enough earlier events, events of this page are duplicated.
                let more: Vec<_> = page.events.iter().take(duplicates - events.len()).cloned().collect();
                events.extend(more.iter().cloned());
                events.append(&mut page.events);
                page.events = events;
            }
            let mut moved = 0;
            for index in 1..page.events.len() {
                // Events of one key keep their order: the log guarantees that order.
                if page.events[index - 1].key != page.events[index].key && self.draw(self.faults.reorder) {
                    page.events.swap(index - 1, index);
                    moved += 1;
                }
            }
            if count > 0 {
                eprintln!("event faults: {count} events, {duplicates} duplicated, {moved} out of order");
            }
            Ok(page)
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn fault_settings_are_parsed_as_shares() {
            let faults = Faults::parse("seed=7,duplicate=2%,reorder=0.5%,linger=10%");
            let expected = Faults {
                seed: 7,
                duplicate: 0.02,
                reorder: 0.005,
                linger: 0.1,
            };
            assert_eq!(faults, Some(expected));
            for nonsense in ["", "seed=x", "duplicate=2", "lose=1%"] {
                assert_eq!(Faults::parse(nonsense), None, "{nonsense}");
            }
        }
    }
}
