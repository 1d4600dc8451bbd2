//! Reporting: each second the counts and the differences of this process go to the control database. Without an
//! answer of the database, counts stay in memory.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use offshoot_contract::{CallContext, CallFailure};
use tokio::time::sleep;

use crate::control_link::Control;
use crate::evidence::Evidence;
use crate::followed::FollowedModule;
use crate::found::Found;
use crate::store::{StageOfBuild, add_difference, put_evidence};
use crate::strangler::Strangler;

/// Pause between two reports.
const EVERY: Duration = Duration::from_secs(1);
/// Timeout of one report.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The counts that were written last, by module and build.
type Written = BTreeMap<(&'static str, String), Evidence>;

impl Strangler {
    /// Reports until the future is dropped.
    pub(crate) async fn report(self: Arc<Self>) {
        let mut written = Written::new();
        loop {
            if let Some(control) = self.link().current() {
                for module in self.modules() {
                    if let Err(failure) = self.report_module(&control, module, &mut written).await {
                        tracing::debug!(
                            module = module.name(),
                            error = &failure as &dyn std::error::Error,
                            "counts could not be written to the control database; they stay in memory"
                        );
                    }
                }
            }
            sleep(EVERY).await;
        }
    }

    async fn report_module(
        &self,
        control: &Control,
        module: &FollowedModule,
        written: &mut Written,
    ) -> Result<(), CallFailure> {
        let name = module.name();
        let Some(stage) = module.stage() else { return Ok(()) };
        let mut counts = if module.is_candidate {
            // Before the build is known there is nothing to add the counts to.
            let build = module.routed.build().await;
            build
                .and_then(|build| module.events_of_candidate(&build))
                .into_iter()
                .collect()
        } else {
            stage.evidence(self.now())
        };
        counts.retain(|evidence| written.get(&(name, evidence.build.clone())) != Some(evidence));
        let found = module.checks.found.take();
        if counts.is_empty() && found.is_empty() {
            return Ok(());
        }
        if let Err(failure) = self.write(control, name, &counts, &found).await {
            module.checks.found.put_back(found);
            return Err(failure);
        }
        written.retain(|(module, _), evidence| *module != name || evidence.entered == stage.entered());
        written.extend(
            counts
                .into_iter()
                .map(|evidence| ((name, evidence.build.clone()), evidence)),
        );
        Ok(())
    }

    async fn write(
        &self,
        control: &Control,
        module: &str,
        counts: &[Evidence],
        found: &[Found],
    ) -> Result<(), CallFailure> {
        let mut cx = CallContext::root("strangler").with_timeout(TIMEOUT);
        let mut tx = control.db.begin(&mut cx).await?;
        for evidence in counts {
            put_evidence(&mut tx, module, self.options().instance, evidence).await?;
        }
        for difference in found {
            let stage = StageOfBuild {
                module,
                entered: difference.entered,
                build: &difference.build,
            };
            add_difference(&mut tx, stage, &difference.class, difference.at, &difference.sample).await?;
        }
        tx.commit_part().await
    }
}
