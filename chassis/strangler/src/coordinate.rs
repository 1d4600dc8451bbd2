//! Coordination: one process at a time, under a lease, judges the windows of a module. Every member asks the candidate for its
//! identity.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use offshoot_contract::{CallContext, CallFailure};
use offshoot_jobs::Lease;
use tokio::time::{Instant, sleep, timeout};

use crate::control::Observation;
use crate::control_link::Control;
use crate::followed::FollowedModule;
use crate::store::remove_dead_members;
use crate::strangler::Strangler;
use crate::window_judge::WindowJudge;

/// First word of the lease's name; the module follows.
const LEASE: &str = "windows";
/// Pause between two looks at the windows, and between two questions to the candidate.
const EVERY: Duration = Duration::from_secs(1);
/// Timeout of one look.
const LOOK_TIMEOUT: Duration = Duration::from_secs(5);
/// An observation may wait for a heartbeat, and for this time longer.
const OBSERVE_GRACE: Duration = Duration::from_secs(2);

impl Strangler {
    /// Judges the windows of each module while this process has the module's lease, until the future is dropped. A lease for
    /// each module: another process may not know every module.
    pub(crate) async fn coordinate(self: Arc<Self>) {
        let Some(control) = self.link().wait_until_open().await else {
            return;
        };
        let control = &control;
        // A candidate does not judge itself.
        let judged = self.modules().filter(|module| !module.is_candidate).map(|module| {
            let work = |lease| self.judge_windows(control, module, lease);
            // A process that only calls the module judges once no process runs it.
            let from = if module.runs_here() { "" } else { " from callers" };
            let lease = format!("{LEASE} {}{from}", module.name());
            control.replica.run_under_lease(lease, work)
        });
        join_all(judged).await;
    }

    async fn judge_windows(&self, control: &Control, module: &FollowedModule, lease: Lease) {
        let mut judge = WindowJudge::new(&self.options().name);
        if let Err(failure) = self.remove_dead_members(control, &lease).await {
            tracing::debug!(
                error = &failure as &dyn std::error::Error,
                "removing dead members failed"
            );
        }
        loop {
            if module.needs_observation()
                && self.may_judge(module)
                && let Err(failure) = self.judge_window(control, &lease, module, &mut judge).await
            {
                tracing::debug!(
                    module = module.name(),
                    error = &failure as &dyn std::error::Error,
                    "a window could not be judged; the next look tries again"
                );
            }
            sleep(EVERY).await;
        }
    }

    /// Whether this process sees the candidate: one that only calls the module may know another address, and judges only if no
    /// process runs the module.
    fn may_judge(&self, module: &FollowedModule) -> bool {
        module.runs_here() || module.calls_candidate() && !self.roster().runs(module.name())
    }

    async fn judge_window(
        &self,
        control: &Control,
        lease: &Lease,
        module: &FollowedModule,
        judge: &mut WindowJudge,
    ) -> Result<(), CallFailure> {
        // Never waits for the candidate: an emergency is judged although the candidate hangs.
        let observation = module
            .last_observation(Duration::MAX)
            .unwrap_or_else(|| module.unobserved());
        let mut cx = lease.context("strangler", LOOK_TIMEOUT);
        let moment = (self.now(), Instant::now());
        let step = judge
            .look(&control.db, &mut cx, module.name(), &observation, moment)
            .await?;
        let Some(step) = step else { return Ok(()) };
        if let Some(entry) = &step.entry {
            tracing::error!(
                module = module.name(),
                from = %entry.from,
                to = %entry.to,
                reason = entry.reason,
                "the candidate did harm; its calls were taken back"
            );
        }
        self.take_up(module, &step.migration);
        Ok(())
    }

    async fn remove_dead_members(&self, control: &Control, lease: &Lease) -> Result<(), CallFailure> {
        let mut cx: CallContext = lease.context("strangler", LOOK_TIMEOUT);
        let mut tx = control.db.begin(&mut cx).await?;
        remove_dead_members(&mut tx).await?;
        tx.commit_part().await
    }

    /// Asks each module's candidate for its identity, until the future is dropped.
    pub(crate) async fn observe_candidates(self: Arc<Self>) {
        loop {
            let moving = self.modules().filter(|module| module.needs_observation());
            join_all(moving.map(|module| self.observe(module))).await;
            sleep(EVERY).await;
        }
    }

    /// Asks a module's candidate for its identity. Waits a bounded time.
    pub(crate) async fn observe(&self, module: &FollowedModule) -> Observation {
        let limit = self.options().heartbeat.timeout + OBSERVE_GRACE;
        let mut processes = self.roster().processes(module.name());
        // A process that has just joined is missing in its own reading of the roster.
        if module.is_candidate {
            processes.candidates.insert(self.options().instance);
        } else {
            processes.members.insert(self.options().instance);
        }
        let observed = timeout(limit, module.routed.observe(processes)).await;
        let observation = observed.unwrap_or_else(|_| module.unobserved());
        module.set_observation(observation.clone());
        observation
    }

    /// The last observation, if it is young, else a new one.
    pub(crate) async fn recent_observation(&self, module: &FollowedModule) -> Observation {
        match module.last_observation(EVERY) {
            Some(observation) => observation,
            None => self.observe(module).await,
        }
    }
}
