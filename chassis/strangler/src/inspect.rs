//! The status of a module: the record, the gates of the next step, and warnings about an incomplete view.

use std::time::Duration;

use offshoot_contract::{CallContext, CallFailure, error_chain};

use crate::bounds::observed_rate;
use crate::control::{Observation, view};
use crate::control_link::Control;
use crate::evidence::Evidence;
use crate::followed::FollowedModule;
use crate::gates::gates;
use crate::migration::{Entry, Migration};
use crate::plan::{MemberAbilities, plan, share_of_keys, work};
use crate::request::{Request, RequestKind};
use crate::state::State;
use crate::status::{CandidateStatus, GateStatus, MemberStatus, Status};
use crate::step::step;
use crate::store::{StageOfBuild, history, record, sum_of_stage};
use crate::strangler::{Strangler, StranglerError};
use crate::view::{Member, View};

/// Timeout for reading a status.
const READ_TIMEOUT: Duration = Duration::from_secs(3);

/// One reading of the control database, or the last known record without one.
struct Reading {
    record: Migration,
    view: View,
    /// Counts of the stage, also while no candidate answers.
    evidence: Evidence,
    last: Option<Entry>,
    /// Whether a step could be written now.
    is_live: bool,
}

impl Strangler {
    /// The status of a module. While the control database does not answer, the status of the last known record.
    pub(crate) async fn inspect(&self, module: &FollowedModule) -> Result<Status, StranglerError> {
        let mut warnings = Vec::new();
        let observation = self.recent_observation(module).await;
        let reading = match self.link().poll().await {
            Ok(Some(control)) => {
                let read = self.read_status(&control, module, &observation).await;
                read.map(Some).map_err(|failure| error_chain(&failure))
            }
            Ok(None) => Ok(None),
            Err(why) => Err(why),
        };
        let reading = reading.unwrap_or_else(|failure| {
            warnings.push(format!(
                "the control database does not answer: {failure}; the status is that of the last known record"
            ));
            None
        });
        let reading = reading.unwrap_or_else(|| self.last_known(module, &observation));
        if !reading.is_live && warnings.is_empty() && reading.record.generation > 0 {
            warnings.push("there is no control database; the status is that of the last known record".to_owned());
        }
        let known = module.version().generation;
        if reading.record.generation < known {
            warnings.push(format!(
                "calls of this process follow the plan of generation {known}, of another control database"
            ));
        }
        Ok(self.status_of(module, &reading, warnings))
    }

    async fn read_status(
        &self,
        control: &Control,
        module: &FollowedModule,
        observation: &Observation,
    ) -> Result<Reading, CallFailure> {
        let name = module.name();
        let mut cx = CallContext::root("strangler").with_timeout(READ_TIMEOUT);
        let mut read = control.db.read(&mut cx).await?;
        let record = record(&mut read, name).await?;
        let record = record.unwrap_or_else(|| Migration::new(0, self.now()));
        let view = view(&mut read, name, &record, observation).await?;
        let mut evidence = view.evidence.clone();
        if view.identity().is_none()
            && let Some(candidate) = &record.candidate
        {
            let stage = StageOfBuild {
                module: name,
                entered: record.entered,
                build: &candidate.build,
            };
            evidence = sum_of_stage(&mut read, stage).await?;
        }
        let before = record.generation.saturating_sub(1);
        let last = history(&mut read, name, before, 1).await?.pop();
        Ok(Reading {
            record,
            view,
            evidence,
            last,
            is_live: true,
        })
    }

    /// The last known record, with this process as the only known member.
    fn last_known(&self, module: &FollowedModule, observation: &Observation) -> Reading {
        let record = module.record().unwrap_or_else(|| Migration::new(0, self.now()));
        let abilities = module.routed.abilities();
        let this = Member {
            name: self.options().name.clone(),
            acknowledged: record.generation,
            has_address: abilities.has_address,
            has_implementation: abilities.has_implementation,
            runs: abilities.has_implementation,
        };
        let members = if module.is_candidate { Vec::new() } else { vec![this] };
        Reading {
            record,
            view: observation.view(members),
            evidence: Evidence::default(),
            last: None,
            is_live: false,
        }
    }

    fn status_of(&self, module: &FollowedModule, reading: &Reading, warnings: Vec<String>) -> Status {
        let Reading {
            record,
            view,
            evidence,
            last,
            is_live,
        } = reading;
        let now = self.now();
        let steps = &record.settings.steps;
        let next = record.state.next(steps);
        let all_gates = next.map_or_else(Vec::new, |next| gates(record, view, next, now));
        let kind = RequestKind::Advance { to: None, reason: None };
        let request = Request {
            operator: String::new(),
            generation: Some(record.generation),
            kind,
        };
        let anywhere = MemberAbilities {
            has_implementation: true,
            has_address: true,
        };
        Status {
            module: module.name().to_owned(),
            at: now,
            generation: record.generation,
            state: record.state,
            entered_at: (record.generation > 0).then_some(record.entered_at),
            started: record.started,
            paused: record.paused,
            halted: record.halted.clone(),
            next,
            previous: record.state.previous(steps),
            can_go_forward: *is_live && step(record, view, &request, now).is_ok(),
            can_go_back: record.state > State::Local,
            gates: all_gates.iter().map(GateStatus::from).collect(),
            members: members(view),
            candidate: candidate(view),
            work: work(record),
            share_of_keys: share_of_keys(&plan(record, anywhere)),
            share_of_calls: share_of_calls(evidence),
            methods: evidence.methods.clone(),
            settings: record.settings.clone(),
            waivers: record.waivers.clone(),
            last: last.clone(),
            warnings,
        }
    }
}

fn members(view: &View) -> Vec<MemberStatus> {
    let status = |member: &Member| MemberStatus {
        name: member.name.clone(),
        acknowledged: member.acknowledged,
        has_address: member.has_address,
        has_implementation: member.has_implementation,
    };
    view.members.iter().map(status).collect()
}

fn candidate(view: &View) -> Option<CandidateStatus> {
    let candidate = view.candidate.as_ref()?;
    Some(CandidateStatus {
        identity: candidate.identity.clone(),
        same_data: candidate.same_data,
        works: candidate.works,
    })
}

/// Share of the users' calls that the candidate executed. Repetitions are no calls of users, and a call that the local side
/// executed after the candidate was attempted twice.
fn share_of_calls(evidence: &Evidence) -> Option<f64> {
    let (mut candidate, mut all) = (0_u64, 0_u64);
    for method in evidence.methods.values() {
        let attempts = method.candidate.calls.saturating_sub(method.repeated);
        let executed = attempts.saturating_sub(method.fallbacks);
        candidate += executed;
        all += executed + method.local.calls;
    }
    (all > 0).then(|| observed_rate(candidate, all))
}
