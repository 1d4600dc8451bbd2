//! One stage of a module in this process: the counts of each build of the candidate, and the rules for differences.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use offshoot_contract::{MethodSpec, Timestamp};

use crate::difference::IgnoreRule;
use crate::evidence::Evidence;
use crate::migration::{Baseline, Migration};
use crate::tally::Tally;

/// Builds whose counts are kept: a build that comes back goes on counting. More builds in one stage are replaced too often
/// to be judged.
const MAX_BUILDS: usize = 16;

/// The counts of one stage.
pub(crate) struct Stage {
    entered: u64,
    methods: Vec<&'static MethodSpec>,
    baseline: BTreeMap<String, Baseline>,
    slow_margin_ms: AtomicU32,
    current: ArcSwap<Tally>,
    tallies: Mutex<Vec<Arc<Tally>>>,
    rules: ArcSwap<Vec<IgnoreRule>>,
}

impl Stage {
    /// The stage of a record, for a candidate of `build`.
    pub(crate) fn new(record: &Migration, methods: Vec<&'static MethodSpec>, build: &str) -> Self {
        let slow_margin_ms = record.settings.slow_margin_ms;
        let tally = Arc::new(Tally::new(
            record.entered,
            build,
            &methods,
            &record.baseline,
            slow_margin_ms,
        ));
        Self {
            entered: record.entered,
            methods,
            baseline: record.baseline.clone(),
            slow_margin_ms: AtomicU32::new(slow_margin_ms),
            current: ArcSwap::new(Arc::clone(&tally)),
            tallies: Mutex::new(vec![tally]),
            rules: ArcSwap::from_pointee(record.rules.clone()),
        }
    }

    pub(crate) fn entered(&self) -> u64 {
        self.entered
    }

    /// The counts of the current build.
    pub(crate) fn tally(&self) -> Arc<Tally> {
        self.current.load_full()
    }

    pub(crate) fn with_tally<T>(&self, use_tally: impl FnOnce(&Tally) -> T) -> T {
        use_tally(&self.current.load())
    }

    pub(crate) fn rules(&self) -> Arc<Vec<IgnoreRule>> {
        self.rules.load_full()
    }

    /// Sets the margin of slow attempts for the counts of all builds.
    pub(crate) fn set_slow_margin(&self, slow_margin_ms: u32) {
        self.slow_margin_ms.store(slow_margin_ms, Relaxed);
        let tallies = self.tallies.lock().unwrap_or_else(PoisonError::into_inner);
        tallies.iter().for_each(|tally| tally.set_slow_margin(slow_margin_ms));
    }

    pub(crate) fn set_rules(&self, rules: &[IgnoreRule]) {
        if self.rules.load().as_slice() != rules {
            self.rules.store(Arc::new(rules.to_vec()));
        }
    }

    /// Counts for another build of the candidate from now on.
    pub(crate) fn set_build(&self, build: &str) {
        if self.current.load().build() == build {
            return;
        }
        let mut tallies = self.tallies.lock().unwrap_or_else(PoisonError::into_inner);
        let known = tallies.iter().find(|tally| tally.build() == build).cloned();
        let tally = known.unwrap_or_else(|| {
            let tally = Arc::new(Tally::new(
                self.entered,
                build,
                &self.methods,
                &self.baseline,
                self.slow_margin_ms.load(Relaxed),
            ));
            if tallies.len() >= MAX_BUILDS {
                tallies.remove(0);
            }
            tallies.push(Arc::clone(&tally));
            tally
        });
        self.current.store(tally);
    }

    /// The counts of each build that has some.
    pub(crate) fn evidence(&self, now: Timestamp) -> Vec<Evidence> {
        let tallies = self.tallies.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let rules = self.rules();
        let all = tallies.iter().map(|tally| tally.evidence(&rules, now));
        all.filter(|evidence| !evidence.methods.is_empty() && !evidence.build.is_empty())
            .collect()
    }
}
