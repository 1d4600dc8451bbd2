//! The strangler of one process: follows the records, routes calls by them, judges windows, and applies requests.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::{BoxFuture, join_all};
use offshoot_contract::{CallContext, CallFailure, Clock, FailureKind, SystemClock, Timestamp};
use offshoot_jobs::HeartbeatTiming;
use tokio::sync::Notify;
use tokio::time::Instant;
use uuid::Uuid;

use crate::change::Step;
use crate::control::{Observation, apply_request, try_request};
use crate::control_link::{Control, ControlDatabase, ControlLink};
use crate::followed::FollowedModule;
use crate::migration::{Entry, Migration};
use crate::records_file::RecordsFile;
use crate::refusal::Refusal;
use crate::request::{Request, RequestKind};
use crate::roster::Roster;
use crate::routed::RoutedModule;
use crate::status::Status;
use crate::step::step;
use crate::store::{DifferenceClass, MemberState, StageOfBuild, difference_classes, history, remove_member};

/// Timeout of a request of an operator.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// Timeout for leaving the control database.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(2);
/// Age up to which an observation describes the candidate of a request that does not need one.
const MAX_OBSERVATION_AGE: Duration = Duration::from_secs(10);

/// Options of a process.
#[derive(Debug, Clone)]
pub struct StranglerOptions {
    /// Id of the process, as in the identity of its modules.
    pub instance: Uuid,
    /// Name for people: host and process id.
    pub name: String,
    /// Modules whose implementation is part of the binary.
    pub implementations: Vec<String>,
    /// Modules that run here as candidates: no background work before a plan allows some.
    pub candidate_for: Vec<String>,
    /// File with the last known records, for a start without the control database.
    pub records_file: PathBuf,
    /// Interval and timeout of heartbeats in the control database.
    pub heartbeat: HeartbeatTiming,
}

/// Why a request or a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum StranglerError {
    /// The process does not know the module.
    #[error("`{module}` is not a module of this process: the modules are {known}")]
    UnknownModule {
        /// The module asked for.
        module: String,
        /// The known modules, separated by commas.
        known: String,
    },
    /// There is no control database.
    #[error("{0}")]
    NoControl(String),
    /// The control database failed.
    #[error("the control database does not answer: {0}; calls go on as before")]
    Control(#[from] CallFailure),
    /// The request is refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// Outcome of an accepted request.
#[derive(Debug, Clone, PartialEq)]
pub struct Applied {
    /// The step.
    pub step: Step,
    /// Whether nothing was written.
    pub is_dry_run: bool,
}

/// The strangler of one process.
pub struct Strangler {
    options: StranglerOptions,
    clock: Arc<dyn Clock>,
    link: ControlLink,
    modules: Vec<FollowedModule>,
    records_file: RecordsFile,
    roster: Roster,
    /// Wakes the look at the records.
    nudge: Notify,
    /// The state of this process that was written last, and when.
    acknowledged: Mutex<Option<(MemberState, Instant)>>,
    /// Generations of the records that were saved last, in the order of the modules.
    saved_generations: Mutex<Vec<u64>>,
    has_left: AtomicBool,
}

impl Strangler {
    /// A strangler that follows nothing yet.
    #[must_use]
    pub fn new(
        options: StranglerOptions,
        control: Arc<dyn ControlDatabase>,
        modules: Vec<Arc<dyn RoutedModule>>,
    ) -> Arc<Self> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let follow = |routed: Arc<dyn RoutedModule>| {
            let is_candidate = options.candidate_for.iter().any(|name| name == routed.name());
            FollowedModule::new(routed, is_candidate, Arc::clone(&clock))
        };
        let modules = modules.into_iter().map(follow).collect();
        Arc::new(Self {
            link: ControlLink::new(control, options.instance, options.heartbeat),
            records_file: RecordsFile::new(options.records_file.clone(), options.instance),
            options,
            clock,
            modules,
            roster: Roster::default(),
            nudge: Notify::new(),
            acknowledged: Mutex::default(),
            saved_generations: Mutex::default(),
            has_left: AtomicBool::new(false),
        })
    }

    /// The work of the process: following the records, writing evidence, judging windows. Ends when dropped.
    #[must_use]
    pub fn jobs(self: &Arc<Self>) -> Vec<BoxFuture<'static, ()>> {
        let this = || Arc::clone(self);
        vec![
            Box::pin(this().send_heartbeats()),
            Box::pin(this().follow()),
            Box::pin(this().report()),
            Box::pin(this().observe_candidates()),
            Box::pin(this().coordinate()),
        ]
    }

    /// Statuses of all modules, in the order of the process.
    pub async fn statuses(&self) -> Result<Vec<Status>, StranglerError> {
        let statuses = join_all(self.modules.iter().map(|module| self.inspect(module))).await;
        statuses.into_iter().collect()
    }

    /// Status of one module.
    pub async fn status(&self, module: &str) -> Result<Status, StranglerError> {
        self.inspect(self.module(module)?).await
    }

    /// Applies a request; with `dry_run` only says what would happen.
    pub async fn apply(&self, module: &str, request: &Request, dry_run: bool) -> Result<Applied, StranglerError> {
        let module = self.module(module)?;
        let is_start = matches!(request.kind, RequestKind::Start(_));
        let observation = self.observation_for(module, &request.kind).await;
        if dry_run && is_start && matches!(self.link.open(false).await, Ok(None)) {
            return Ok(Applied {
                step: self.try_first_start(request, &observation)?,
                is_dry_run: true,
            });
        }
        let control = match self.link.open(is_start && !dry_run).await {
            Ok(None) if !is_start => return Err(Refusal::NotStarted.into()),
            opened => self.opened(opened)?,
        };
        let mut cx = self.context();
        let (db, name, now) = (&control.db, module.name(), self.now());
        let applied = if dry_run {
            try_request(db, &mut cx, name, request, &observation, now).await?
        } else {
            let applied = apply_request(db, &mut cx, name, request, &observation, now).await;
            // A request whose answer was lost may have been applied: the next look tells.
            applied.inspect_err(|_| self.nudge.notify_one())?
        };
        let step = applied?;
        if !dry_run {
            self.take_up(module, &step.migration);
        }
        let is_dry_run = dry_run;
        Ok(Applied { step, is_dry_run })
    }

    /// Entries of the history above a generation, the oldest first, at most `limit`.
    pub async fn history(&self, module: &str, above: u64, limit: u32) -> Result<Vec<Entry>, StranglerError> {
        let module = self.module(module)?;
        let Some(control) = self.existing_control().await? else {
            return Ok(Vec::new());
        };
        let mut cx = self.context();
        let mut read = control.db.read(&mut cx).await?;
        Ok(history(&mut read, module.name(), above, limit).await?)
    }

    /// Differences of this stage and this build, the most frequent first.
    pub async fn differences(&self, module: &str) -> Result<Vec<DifferenceClass>, StranglerError> {
        let module = self.module(module)?;
        let Some(control) = self.existing_control().await? else {
            return Ok(Vec::new());
        };
        let (Some(record), Some(build)) = (module.record(), module.build()) else {
            return Ok(Vec::new());
        };
        let stage = StageOfBuild {
            module: module.name(),
            entered: record.entered,
            build: &build,
        };
        let mut cx = self.context();
        let mut read = control.db.read(&mut cx).await?;
        Ok(difference_classes(&mut read, stage).await?)
    }

    /// Whether a record of the module exists and its migration has not ended. Then settings and `placement set` do not
    /// decide.
    #[must_use]
    pub fn is_moving(&self, module: &str) -> bool {
        let record = self.module(module).ok().and_then(FollowedModule::record);
        record.is_some_and(|record| record.started)
    }

    /// Leaves the control database, so that others do not wait for this process.
    pub async fn leave(&self) {
        self.has_left.store(true, Relaxed);
        let Some(control) = self.link.current() else { return };
        let removed = async {
            let mut cx = CallContext::root("strangler").with_timeout(LEAVE_TIMEOUT);
            let mut tx = control.db.begin(&mut cx).await?;
            remove_member(&mut tx, self.options.instance).await?;
            tx.commit_part().await
        };
        if let Err(failure) = removed.await {
            tracing::debug!(
                error = &failure as &dyn std::error::Error,
                "leaving the control database failed; others see so after the timeout of heartbeats"
            );
        }
        control.replica.leave().await;
    }

    async fn send_heartbeats(self: Arc<Self>) {
        if let Some(control) = self.link.wait_until_open().await {
            control.replica.send_heartbeats().await;
        }
    }

    /// Follows a record that this process has just written, without waiting for the next look.
    pub(crate) fn take_up(&self, module: &FollowedModule, record: &Migration) {
        if module.install(record) {
            self.nudge.notify_one();
        }
    }

    /// The control database. `None` if no module was ever moved.
    async fn existing_control(&self) -> Result<Option<Arc<Control>>, StranglerError> {
        match self.link.open(false).await {
            Ok(None) => Ok(None),
            opened => self.opened(opened).map(Some),
        }
    }

    fn opened(&self, opened: Result<Option<Arc<Control>>, String>) -> Result<Arc<Control>, StranglerError> {
        match opened {
            Ok(Some(control)) => Ok(control),
            Ok(None) => Err(StranglerError::NoControl(
                "there is no control database: run `offshoot db migrate`".to_owned(),
            )),
            Err(why) => Err(CallFailure::not_executed(FailureKind::Unavailable, why).into()),
        }
    }

    /// Decides about the first start of all, without creating the control database.
    fn try_first_start(&self, request: &Request, observation: &Observation) -> Result<Step, Refusal> {
        let now = self.now();
        step(&Migration::new(0, now), &observation.view(Vec::new()), request, now)
    }

    /// The observation that a request needs. A step back and a pause wait for nobody: the candidate may hang.
    async fn observation_for(&self, module: &FollowedModule, kind: &RequestKind) -> Observation {
        match kind {
            RequestKind::Start(_) | RequestKind::Advance { .. } | RequestKind::Waive { .. } => {
                self.observe(module).await
            }
            _ => module
                .last_observation(MAX_OBSERVATION_AGE)
                .unwrap_or_else(|| module.unobserved()),
        }
    }

    pub(crate) fn module(&self, name: &str) -> Result<&FollowedModule, StranglerError> {
        let found = self.modules.iter().find(|module| module.name() == name);
        found.ok_or_else(|| {
            let known: Vec<_> = self.modules.iter().map(FollowedModule::name).collect();
            StranglerError::UnknownModule {
                module: name.to_owned(),
                known: known.join(", "),
            }
        })
    }

    pub(crate) fn modules(&self) -> impl Iterator<Item = &FollowedModule> {
        self.modules.iter()
    }

    pub(crate) fn options(&self) -> &StranglerOptions {
        &self.options
    }

    pub(crate) fn link(&self) -> &ControlLink {
        &self.link
    }

    pub(crate) fn records_file(&self) -> &RecordsFile {
        &self.records_file
    }

    pub(crate) fn roster(&self) -> &Roster {
        &self.roster
    }

    pub(crate) fn nudge(&self) -> &Notify {
        &self.nudge
    }

    pub(crate) fn acknowledged(&self) -> MutexGuard<'_, Option<(MemberState, Instant)>> {
        self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn saved_generations(&self) -> MutexGuard<'_, Vec<u64>> {
        self.saved_generations.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn has_left(&self) -> bool {
        self.has_left.load(Relaxed)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn context(&self) -> CallContext {
        CallContext::root("strangler").with_timeout(REQUEST_TIMEOUT)
    }
}
