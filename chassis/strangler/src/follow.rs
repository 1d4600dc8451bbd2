//! Following the records: a process polls the control database, routes by each new plan, and says which plan runs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use offshoot_contract::{CallContext, CallFailure, FailureKind, error_chain, fault_point};
use tokio::time::{Instant, sleep, timeout};

use crate::control_link::{Availability, Control};
use crate::followed::FollowedModule;
use crate::migration::Migration;
use crate::store::{MemberState, Version, members, put_member, record, versions};
use crate::strangler::Strangler;

/// Pause between two looks at the records. No process is told: a message that was lost would leave an old plan.
const POLL: Duration = Duration::from_millis(250);
/// Timeout of one look.
const LOOK_TIMEOUT: Duration = Duration::from_secs(2);

impl Strangler {
    /// Routes by the last known records, then by those of the control database, if that answers in time. To be called before
    /// the process serves. Waits a bounded time.
    pub async fn begin(&self) {
        let saved_at = self.install_saved().await;
        for module in self.modules() {
            module.allow_work(None);
        }
        let has_looked = timeout(LOOK_TIMEOUT, self.look()).await.unwrap_or(false);
        if has_looked {
            return;
        }
        for module in self.modules() {
            let Some(record) = module.record() else { continue };
            let generation = record.generation;
            tracing::warn!(
                module = module.name(),
                generation,
                saved_at = saved_at.as_deref().unwrap_or_default(),
                state = %record.state,
                "the control database does not answer; calls follow the last known plan"
            );
        }
    }

    /// Installs the saved records. The time at which they were saved.
    async fn install_saved(&self) -> Option<String> {
        let file = self.records_file().clone();
        let path = file.path().display().to_string();
        let loaded = tokio::task::spawn_blocking(move || file.load()).await.ok()?;
        let saved = match loaded {
            Ok(saved) => saved?,
            Err(error) => {
                tracing::error!(
                    path,
                    error = &error as &dyn std::error::Error,
                    "the file with the last known records cannot be read, and is ignored"
                );
                return None;
            }
        };
        for module in self.modules() {
            if let Some(record) = saved.records.get(module.name()) {
                module.install(record);
            }
        }
        Some(saved.saved_at.to_string())
    }

    /// Looks at the records until the future is dropped.
    pub(crate) async fn follow(self: Arc<Self>) {
        loop {
            self.look().await;
            self.divide_work().await;
            tokio::select! {
                () = sleep(POLL) => {}
                () = self.nudge().notified() => {}
            }
        }
    }

    /// One look. False if the control database does not answer, or there is none.
    async fn look(&self) -> bool {
        let Ok(Some(control)) = self.link().poll().await else {
            return false;
        };
        let found = self.read_records(&control).await;
        let availability = match &found {
            Ok(_) => Availability::Available,
            Err(failure) => Availability::Unreachable(error_chain(failure)),
        };
        self.link().set_availability(availability);
        if matches!(found, Ok(true)) {
            fault_point("plan-applied").await;
        }
        self.save_records().await;
        if let Err(failure) = self.acknowledge(&control).await {
            tracing::debug!(
                error = &failure as &dyn std::error::Error,
                "the state of this process could not be written to the control database"
            );
        }
        found.is_ok()
    }

    /// Reads the records that have changed, and the roster. True if a plan has changed.
    async fn read_records(&self, control: &Control) -> Result<bool, CallFailure> {
        // Known before the query: a step of this process meanwhile is newer than what the query finds.
        let known: Vec<_> = self.modules().map(FollowedModule::version).collect();
        let mut cx = CallContext::root("strangler").with_timeout(LOOK_TIMEOUT);
        let mut read = control.db.read(&mut cx).await?;
        let found: BTreeMap<_, _> = versions(&mut read).await?.into_iter().collect();
        let mut has_new_plan = false;
        for (module, known) in self.modules().zip(known) {
            let found = found.get(module.name()).copied().unwrap_or_default();
            if module.reports_other_database(found.generation < known.generation) {
                report_other_database(module, known, found);
            }
            if found > known {
                match record(&mut read, module.name()).await {
                    Ok(Some(record)) => has_new_plan |= module.install(&record),
                    Ok(None) => {}
                    // A record of a newer binary must not keep the other modules from following theirs.
                    Err(failure) if *failure.kind() == FailureKind::Internal => module.report_unreadable(&failure),
                    Err(failure) => return Err(failure),
                }
            }
        }
        if self.roster().is_due() {
            self.roster().set(members(&mut read).await?);
        }
        Ok(has_new_plan)
    }

    /// Does the background work of each module unless a candidate does. Asks the module's own data: a candidate that beats only
    /// in the control database does no work, and the control database may be away.
    async fn divide_work(&self) {
        for module in self.modules().filter(|module| module.may_yield_work()) {
            let candidates = self.roster().processes(module.name()).candidates;
            if let Some(works) = module.routed.does_any_work(candidates).await {
                module.allow_work(Some(works));
            }
        }
    }

    /// Saves the records with a new generation.
    pub(crate) async fn save_records(&self) {
        let records: BTreeMap<String, Migration> = self
            .modules()
            .filter_map(|module| Some((module.name().to_owned(), module.record()?)))
            .collect();
        let generations: Vec<_> = records.values().map(|record| record.generation).collect();
        if records.is_empty() || *self.saved_generations() == generations {
            return;
        }
        let (file, now) = (self.records_file().clone(), self.now());
        let saved = tokio::task::spawn_blocking(move || file.save(records, now)).await;
        match saved {
            Ok(Ok(true)) => *self.saved_generations() = generations,
            // Another process is saving: the next look tries again.
            Ok(Ok(false)) | Err(_) => {}
            Ok(Err(error)) => {
                // Once for these records, not at each look.
                *self.saved_generations() = generations;
                tracing::error!(
                    path = %self.records_file().path().display(),
                    error = &error as &dyn std::error::Error,
                    "the last known records cannot be saved: a start without the control database would use older ones"
                );
            }
        }
    }

    /// Writes which plans this process runs, if that has changed or the row is missing.
    async fn acknowledge(&self, control: &Control) -> Result<(), CallFailure> {
        let state = self.member_state();
        let instance = self.options().instance;
        let is_written = self.acknowledged().as_ref().is_some_and(|(written, at)| {
            let is_lost = self.roster().lacks(instance, &state, *at);
            *written == state && !is_lost
        });
        if is_written || self.has_left() {
            return Ok(());
        }
        let mut cx = CallContext::root("strangler").with_timeout(LOOK_TIMEOUT);
        let mut tx = control.db.begin(&mut cx).await?;
        put_member(&mut tx, instance, &state).await?;
        tx.commit_part().await?;
        *self.acknowledged() = Some((state, Instant::now()));
        Ok(())
    }

    /// The state of this process for the table of members.
    fn member_state(&self) -> MemberState {
        let options = self.options();
        let routed = || self.modules().filter(|module| !module.is_candidate);
        let named = |module: &FollowedModule| module.name().to_owned();
        let addresses = routed().map(|module| (named(module), module.routed.addresses()));
        let plans = self
            .modules()
            .map(|module| (named(module), module.version().generation));
        MemberState {
            name: options.name.clone(),
            implementations: options.implementations.clone(),
            addresses: addresses.filter(|(_, addresses)| !addresses.is_empty()).collect(),
            plans: plans.collect(),
            candidate_for: options.candidate_for.clone(),
            routes: routed().map(named).collect(),
            runs: routed().filter(|module| module.runs_here()).map(named).collect(),
            calls_candidate_of: routed().filter(|module| module.calls_candidate()).map(named).collect(),
            is_unreadable: false,
        }
    }
}

/// Says once that the control database is not the one that this process has followed. Its older plans would undo steps.
fn report_other_database(module: &FollowedModule, known: Version, found: Version) {
    tracing::error!(
        module = module.name(),
        known = known.generation,
        found = found.generation,
        "the control database has an older record than this process has followed: it is another database, or was restored; \
         calls stay on the known plan. To follow this database, end the process, move the file with the last known records \
         away, and start the process again"
    );
}
