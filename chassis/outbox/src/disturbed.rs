//! A log that behaves as badly as it may: what was announced early is committed late, what was handled before comes again,
//! and events of different keys come in another order. For tests of those who read it; a release build has none.

use std::sync::Arc;

use crate::source::EventSource;

/// `source`, unless this is a debug build and `OFFSHOOT_EVENT_FAULTS` in its environment says how it is disturbed, such as
/// `seed=7,duplicate=2%,reorder=2%,linger=5%`: shares of the events, and of the transactions that announce some. Each page
/// that has any says on stderr what was done to it.
#[must_use]
pub fn disturbed(source: Arc<dyn EventSource>) -> Arc<dyn EventSource> {
    #[cfg(debug_assertions)]
    if let Some(faults) = faults::asked_for() {
        return Arc::new(faults::Disturbed::new(source, faults));
    }
    source
}

/// Goes on at once, unless the faults that are asked for keep the transaction from its commit for a moment.
pub(crate) async fn linger() {
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
    use rand::{Rng as _, SeedableRng as _};

    use crate::source::{Announced, Ask, EventPage, EventSource, Head};

    /// So many events before those that were asked for may come again.
    const BACK: i64 = 8;
    /// Milliseconds between announcing and committing.
    const LINGER: std::ops::Range<u64> = 5..60;

    /// How a log is disturbed.
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
        reason = "no setting: it must not exist where it could be set by mistake"
    )]
    pub(super) fn asked_for() -> Option<Faults> {
        static FAULTS: OnceLock<Option<Faults>> = OnceLock::new();
        *FAULTS.get_or_init(|| {
            let text = std::env::var("OFFSHOOT_EVENT_FAULTS").ok()?;
            let faults = Faults::parse(&text);
            Some(faults.expect("OFFSHOOT_EVENT_FAULTS is such as seed=7,duplicate=2%,reorder=2%"))
        })
    }

    pub(super) fn pause_before_commit() -> Option<Duration> {
        let share = asked_for()?.linger;
        let mut chance = rand::rng();
        (chance.random::<f64>() < share).then(|| Duration::from_millis(chance.random_range(LINGER)))
    }

    pub(super) struct Disturbed {
        source: Arc<dyn EventSource>,
        faults: Faults,
        chance: Mutex<StdRng>,
    }

    impl Disturbed {
        pub(super) fn new(source: Arc<dyn EventSource>, faults: Faults) -> Self {
            let chance = Mutex::new(StdRng::seed_from_u64(faults.seed));
            Self { source, faults, chance }
        }

        fn happens(&self, share: f64) -> bool {
            let mut chance = self.chance.lock().unwrap_or_else(PoisonError::into_inner);
            chance.random::<f64>() < share
        }

        /// Some of the last events before those that were asked for.
        async fn earlier(&self, ask: &Ask, count: usize) -> Result<Vec<Announced>, CallFailure> {
            let before = Ask {
                after: (ask.after - BACK).max(0),
                ..ask.clone()
            };
            let mut events = self.source.read(&before).await?.events;
            events.retain(|event| event.position <= ask.after);
            Ok(events.split_off(events.len().saturating_sub(count)))
        }
    }

    #[async_trait]
    impl EventSource for Disturbed {
        fn module(&self) -> &'static str {
            self.source.module()
        }

        async fn head(&self, beyond: i64) -> Result<Head, CallFailure> {
            self.source.head(beyond).await
        }

        async fn read(&self, ask: &Ask) -> Result<EventPage, CallFailure> {
            let mut page = self.source.read(ask).await?;
            let count = page.events.len();
            let again = (0..count).filter(|_| self.happens(self.faults.duplicate)).count();
            if again > 0 {
                let mut events = self.earlier(ask, again).await?;
                // Where nothing came before, what comes now comes twice.
                let more: Vec<_> = page.events.iter().take(again - events.len()).cloned().collect();
                events.extend(more.iter().cloned());
                events.append(&mut page.events);
                page.events = events;
            }
            let mut moved = 0;
            for place in 1..page.events.len() {
                // Never two of one key: their order is what is promised.
                if page.events[place - 1].key != page.events[place].key && self.happens(self.faults.reorder) {
                    page.events.swap(place - 1, place);
                    moved += 1;
                }
            }
            if count > 0 {
                eprintln!("event faults: {count} events, {again} again, {moved} out of order");
            }
            Ok(page)
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn faults_are_shares_of_the_events() {
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
