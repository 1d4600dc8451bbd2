//! Requests applied to the control database: one transaction reads the record, the members and the evidence, decides, and
//! writes record and history.

use offshoot_contract::{CallContext, CallFailure, Timestamp, fault_point};
use offshoot_db::{Db, Queries};
use uuid::Uuid;

use crate::change::Step;
use crate::evidence::Evidence;
use crate::migration::Migration;
use crate::refusal::Refusal;
use crate::request::Request;
use crate::step::step;
use crate::store::{MemberState, StageOfBuild, members, record, remove_old_stages, sum_of_stage, write};
use crate::view::{Candidate, Member, MethodKind, View};

/// Attempts to write over a record that others keep changing. Each lost attempt is another request that won.
const WRITE_ATTEMPTS: u32 = 8;

/// The part of a view that the control database does not hold.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Observation {
    /// The processes at the candidate's addresses.
    pub candidate: Option<Candidate>,
    /// Processes in the module's roster that are neither members nor the candidate.
    pub strangers: Vec<String>,
    /// The methods of the contract.
    pub methods: Vec<MethodKind>,
    /// Whether the module handles events of others.
    pub listens: bool,
}

impl Observation {
    /// The view of these members, without evidence.
    pub(crate) fn view(&self, members: Vec<Member>) -> View {
        View {
            members,
            strangers: self.strangers.clone(),
            candidate: self.candidate.clone(),
            methods: self.methods.clone(),
            listens: self.listens,
            evidence: Evidence::default(),
        }
    }
}

/// Applies a request of one module. The outer error: the control database failed, and nothing has changed unless the
/// failure says that the change may have executed.
pub async fn apply_request(
    db: &Db,
    cx: &mut CallContext,
    module: &str,
    request: &Request,
    observation: &Observation,
    now: Timestamp,
) -> Result<Result<Step, Refusal>, CallFailure> {
    for _ in 0..WRITE_ATTEMPTS {
        let mut tx = db.begin(cx).await?;
        let (before, outcome) = decide(&mut tx, module, request, observation, now).await?;
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(refusal) => return Ok(Err(refusal)),
        };
        if outcome.migration == before {
            return Ok(Ok(outcome));
        }
        if !write(&mut tx, module, &before, &outcome).await? {
            // Another request has won since the record was read, and its record decides.
            continue;
        }
        if outcome.migration.entered != before.entered {
            remove_old_stages(&mut tx, module, outcome.migration.entered).await?;
        }
        let is_step = outcome.entry.is_some();
        if is_step {
            fault_point("step-decided").await;
        }
        tx.commit_part().await?;
        if is_step {
            fault_point("step-committed").await;
        }
        return Ok(Ok(outcome));
    }
    Err(CallFailure::internal(format!(
        "the record of {module} changed {WRITE_ATTEMPTS} times while a request was applied"
    )))
}

/// Decides about a request like [`apply_request`], and changes nothing.
pub async fn try_request(
    db: &Db,
    cx: &mut CallContext,
    module: &str,
    request: &Request,
    observation: &Observation,
    now: Timestamp,
) -> Result<Result<Step, Refusal>, CallFailure> {
    let mut tx = db.begin(cx).await?;
    let (_, outcome) = decide(&mut tx, module, request, observation, now).await?;
    Ok(outcome)
}

/// The record of a module, or that of a module that was never moved, and the outcome of the request.
async fn decide(
    read: &mut Queries,
    module: &str,
    request: &Request,
    observation: &Observation,
    now: Timestamp,
) -> Result<(Migration, Result<Step, Refusal>), CallFailure> {
    let before = match record(read, module).await? {
        Some(record) => record,
        None => Migration::new(Uuid::new_v4().as_u64_pair().1, now),
    };
    let view = view(read, module, &before, observation).await?;
    let outcome = step(&before, &view, request, now);
    Ok((before, outcome))
}

/// The view of a module at this moment.
pub async fn view(
    read: &mut Queries,
    module: &str,
    migration: &Migration,
    observation: &Observation,
) -> Result<View, CallFailure> {
    let processes = members(read).await?;
    let members = processes.iter().filter(|(_, state)| state.is_member_of(module));
    let mut view = observation.view(members.map(|(_, state)| member(module, state)).collect());
    if let Some(identity) = view.identity() {
        let stage = StageOfBuild {
            module,
            entered: migration.entered,
            build: &identity.build,
        };
        view.evidence = sum_of_stage(read, stage).await?;
    }
    Ok(view)
}

fn member(module: &str, state: &MemberState) -> Member {
    let names = |names: &[String]| names.iter().any(|name| name == module);
    let runs = names(&state.runs);
    Member {
        name: state.name.clone(),
        acknowledged: state.plans.get(module).copied().unwrap_or_default(),
        has_address: if runs {
            state
                .addresses
                .get(module)
                .is_some_and(|addresses| !addresses.is_empty())
        } else {
            names(&state.calls_candidate_of)
        },
        has_implementation: names(&state.implementations),
        runs,
    }
}
