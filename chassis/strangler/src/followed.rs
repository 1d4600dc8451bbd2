//! One module of this process and the record that it follows: the plan of its calls, and whether it does background work.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use offshoot_contract::{CallFailure, Clock};
use tokio::time::Instant;
use uuid::Uuid;

use crate::budget::Budget;
use crate::control::Observation;
use crate::evidence::Evidence;
use crate::found::FoundQueue;
use crate::migration::Migration;
use crate::mirror::{Checks, Mirror};
use crate::plan::{Work, plan, work};
use crate::routed::{EventCounts, RoutedModule};
use crate::stage::Stage;
use crate::store::Version;
use crate::view::MethodKind;

/// A module that follows its record.
pub(crate) struct FollowedModule {
    pub(crate) routed: Arc<dyn RoutedModule>,
    /// Whether this process runs the module as a candidate. Then its own calls stay where they are.
    pub(crate) is_candidate: bool,
    pub(crate) checks: Arc<Checks>,
    state: Mutex<Following>,
}

#[derive(Default)]
struct Following {
    record: Option<Migration>,
    stage: Option<Arc<Stage>>,
    /// Events of the background work before this stage.
    events_before: EventCounts,
    candidate_works: bool,
    may_work: Option<bool>,
    observed: Option<(Instant, Observation)>,
    /// Whether a control database with an older record was reported.
    reported_other: bool,
    /// Whether a record that cannot be read was reported.
    reported_unreadable: bool,
}

impl Following {
    /// Whether each process that answered at the module's addresses was started as a candidate.
    fn observed_candidate(&self) -> bool {
        let candidate = self
            .observed
            .as_ref()
            .and_then(|(_, observation)| observation.candidate.as_ref());
        candidate.is_some_and(|candidate| candidate.is_declared)
    }
}

impl FollowedModule {
    pub(crate) fn new(routed: Arc<dyn RoutedModule>, is_candidate: bool, clock: Arc<dyn Clock>) -> Self {
        let (first, second) = (Uuid::new_v4(), Uuid::new_v4());
        let mut redaction_key = [0; 32];
        redaction_key[..16].copy_from_slice(first.as_bytes());
        redaction_key[16..].copy_from_slice(second.as_bytes());
        let checks = Checks {
            budget: Budget::new(),
            found: FoundQueue::default(),
            clock,
            redaction_key,
        };
        Self {
            routed,
            is_candidate,
            checks: Arc::new(checks),
            state: Mutex::default(),
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.routed.name()
    }

    /// The newest known record.
    pub(crate) fn record(&self) -> Option<Migration> {
        self.lock().record.clone()
    }

    pub(crate) fn version(&self) -> Version {
        self.lock().record.as_ref().map(Version::from).unwrap_or_default()
    }

    /// The stage of the current plan, if one counts.
    pub(crate) fn stage(&self) -> Option<Arc<Stage>> {
        self.lock().stage.clone()
    }

    /// Follows a record from now on, unless a newer one is known. True if the plan has changed.
    ///
    /// The lock is held while the module is routed, so that an older plan never follows a newer one.
    pub(crate) fn install(&self, record: &Migration) -> bool {
        let mut state = self.lock();
        let known = state.record.as_ref();
        if known.is_some_and(|known| Version::from(known) >= Version::from(record)) {
            return false;
        }
        let is_new_plan = known.is_none_or(|known| known.generation != record.generation);
        let was_started = known.is_some_and(|known| known.started);
        if state
            .stage
            .as_ref()
            .is_none_or(|stage| stage.entered() != record.entered)
        {
            let known = record.candidate.as_ref().map_or("", |candidate| &candidate.build);
            let build = self.counted_build(&state).unwrap_or(known);
            let stage = Stage::new(record, self.routed.methods(), build);
            state.stage = Some(Arc::new(stage));
            state.events_before = self.routed.events();
        }
        if let Some(stage) = &state.stage {
            stage.set_rules(&record.rules);
            stage.set_slow_margin(record.settings.slow_margin_ms);
        }
        // Before and after a migration the settings decide.
        if is_new_plan && !self.is_candidate && (record.started || was_started) {
            self.route(record, &state);
        }
        state.record = Some(record.clone());
        self.apply_work(&mut state);
        is_new_plan
    }

    fn route(&self, record: &Migration, state: &Following) {
        let abilities = self.routed.abilities();
        let plan = plan(record, abilities);
        let Some(stage) = state.stage.clone() else { return };
        let mirror = Mirror::new(&plan, abilities, stage, Arc::clone(&self.checks));
        self.routed.route(&plan, Arc::new(mirror));
        tracing::info!(
            module = self.name(),
            generation = plan.generation,
            state = %record.state,
            mode = ?plan.mode,
            work = %plan.work.as_str(),
            "calls follow the plan"
        );
    }

    /// Allows or bars the background work. `candidate_works`: whether a candidate does the module's background work; `None`:
    /// unchanged.
    pub(crate) fn allow_work(&self, candidate_works: Option<bool>) {
        let mut state = self.lock();
        state.candidate_works = candidate_works.unwrap_or(state.candidate_works);
        self.apply_work(&mut state);
    }

    fn apply_work(&self, state: &mut Following) {
        let record = state.record.as_ref().filter(|record| record.started);
        let work = record.map_or(Work::Home, work);
        let allowed = match (work, self.is_candidate) {
            (Work::Home, is_candidate) => !is_candidate,
            (Work::Both, _) | (Work::Candidate, true) => true,
            (Work::Candidate, false) => !state.candidate_works,
        };
        if state.may_work.replace(allowed) != Some(allowed) {
            self.routed.allow_work(allowed);
        }
    }

    /// Whether the module's implementation runs in this process, and not as a candidate.
    pub(crate) fn runs_here(&self) -> bool {
        !self.is_candidate && self.routed.abilities().has_implementation
    }

    /// Whether the module does not run here, and all calls go to a candidate.
    pub(crate) fn calls_candidate(&self) -> bool {
        !self.is_candidate && !self.runs_here() && self.lock().observed_candidate()
    }

    /// Whether a plan leaves the background work to a candidate, while one does it.
    pub(crate) fn may_yield_work(&self) -> bool {
        let state = self.lock();
        let record = state.record.as_ref().filter(|record| record.started);
        self.runs_here() && record.is_some_and(|record| work(record) == Work::Candidate)
    }

    /// Logs once that a record cannot be read.
    pub(crate) fn report_unreadable(&self, failure: &CallFailure) {
        if !std::mem::replace(&mut self.lock().reported_unreadable, true) {
            tracing::error!(
                module = self.name(),
                error = failure as &dyn std::error::Error,
                "the record of the migration cannot be read, as from a newer binary; calls go on by the last known plan"
            );
        }
    }

    /// Whether to ask the candidate for its identity: a migration is beyond its first state.
    pub(crate) fn needs_observation(&self) -> bool {
        let state = self.lock();
        let moves = |record: &Migration| record.started && record.state > crate::state::State::Local;
        !self.is_candidate && state.record.as_ref().is_some_and(moves)
    }

    /// The last observation, if it is younger than `max_age`.
    pub(crate) fn last_observation(&self, max_age: Duration) -> Option<Observation> {
        let state = self.lock();
        let young = state.observed.as_ref().filter(|(at, _)| at.elapsed() <= max_age);
        young.map(|(_, observation)| observation.clone())
    }

    /// Keeps an observation. The build of the candidate stays while none answers.
    pub(crate) fn set_observation(&self, observation: Observation) {
        let mut state = self.lock();
        state.observed = Some((Instant::now(), observation));
        if let (Some(stage), Some(build)) = (&state.stage, self.counted_build(&state)) {
            stage.set_build(build);
        }
    }

    /// The build that attempts are counted for, empty if they are no evidence; `None` if no candidate has answered yet.
    fn counted_build<'a>(&self, state: &'a Following) -> Option<&'a str> {
        if !self.is_candidate && !self.runs_here() && !state.observed_candidate() {
            // All calls go to another process, which may be any process of the store.
            return Some("");
        }
        let (_, observation) = state.observed.as_ref()?;
        let identity = observation.candidate.as_ref()?.identity.as_ref()?;
        Some(&identity.build)
    }

    /// An observation that knows nothing but the contract.
    pub(crate) fn unobserved(&self) -> Observation {
        Observation {
            methods: self.routed.methods().into_iter().map(MethodKind::from).collect(),
            listens: self.routed.listens(),
            ..Observation::default()
        }
    }

    /// Build of the candidate that answered last, else of the candidate in the record.
    pub(crate) fn build(&self) -> Option<String> {
        let stage = self.stage()?;
        stage.with_tally(|tally| Some(tally.build().to_owned()).filter(|build| !build.is_empty()))
    }

    /// Counts of the events that the background work of this candidate handled in this stage. `None` without any.
    /// `build`: of this process.
    pub(crate) fn events_of_candidate(&self, build: &str) -> Option<Evidence> {
        let state = self.lock();
        let record = state.record.as_ref().filter(|record| record.started)?;
        let (now, before) = (self.routed.events(), state.events_before);
        let evidence = Evidence {
            entered: record.entered,
            build: build.to_owned(),
            events_handled: now.handled.saturating_sub(before.handled),
            events_set_aside: now.set_aside.saturating_sub(before.set_aside),
            ..Evidence::default()
        };
        (evidence.events_handled > 0).then_some(evidence)
    }

    /// Whether an older record than the known one was found for the first time.
    pub(crate) fn reports_other_database(&self, is_older: bool) -> bool {
        let was_reported = std::mem::replace(&mut self.lock().reported_other, is_older);
        is_older && !was_reported
    }

    fn lock(&self) -> MutexGuard<'_, Following> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
