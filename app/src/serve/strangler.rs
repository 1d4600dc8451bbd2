//! `/admin/strangler`: statuses of migrations and the verbs that change them, for operators.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use bytes::Bytes;
use offshoot_contract::Problem;
use offshoot_rest::Operators;
use offshoot_strangler::{
    Applied, GateStatus, Refusal, Request, State as MigrationState, Strangler, StranglerError, Verb,
};
use serde::{Deserialize, Serialize};

use super::admin::{By, for_operators, problem, refusal, refuse_method};
use super::verb_fields::{Fields, InvalidFields};

/// Entries of the history in one answer, by default.
const HISTORY_ENTRIES: u32 = 100;
/// Largest number of entries of the history in one answer.
const MAX_HISTORY_ENTRIES: u32 = 1_000;

/// Outcome of an accepted verb.
#[derive(Debug, Serialize, Deserialize)]
pub struct Outcome {
    /// The module.
    pub module: String,
    /// Whether nothing was written.
    pub dry_run: bool,
    /// The verb, as the history has it.
    pub verb: Option<Verb>,
    /// The state before.
    pub from: MigrationState,
    /// The state after.
    pub to: MigrationState,
    /// The generation after.
    pub generation: u64,
    /// The gates of a step forward, one line each.
    pub evidence: Vec<String>,
}

/// Which part of the history is asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct HistoryQuery {
    /// Only entries of later generations.
    #[serde(default)]
    above: u64,
    #[serde(default = "default_entries")]
    limit: u32,
}

const fn default_entries() -> u32 {
    HISTORY_ENTRIES
}

pub(super) fn router(strangler: Arc<Strangler>, operators: &Arc<Operators>) -> Router {
    let routes = Router::new()
        .route("/admin/strangler", get(statuses))
        .route("/admin/strangler/{module}", get(status))
        .route("/admin/strangler/{module}/history", get(history))
        .route("/admin/strangler/{module}/differences", get(differences))
        .route("/admin/strangler/{module}/{verb}", post(apply))
        .method_not_allowed_fallback(refuse_method)
        .with_state(strangler);
    for_operators(routes, operators)
}

async fn statuses(State(strangler): State<Arc<Strangler>>) -> Response {
    answer(strangler.statuses().await)
}

async fn status(State(strangler): State<Arc<Strangler>>, Path(module): Path<String>) -> Response {
    answer(strangler.status(&module).await)
}

async fn history(
    State(strangler): State<Arc<Strangler>>,
    Path(module): Path<String>,
    query: Result<Query<HistoryQuery>, axum::extract::rejection::QueryRejection>,
) -> Response {
    let query = match query {
        Ok(Query(query)) => query,
        Err(error) => return refusal(422, "invalid-field", &error.body_text()),
    };
    if !(1..=MAX_HISTORY_ENTRIES).contains(&query.limit) {
        let why = format!("limit: {} is outside 1 to {MAX_HISTORY_ENTRIES}", query.limit);
        return refusal(422, "invalid-field", &why);
    }
    answer(strangler.history(&module, query.above, query.limit).await)
}

async fn differences(State(strangler): State<Arc<Strangler>>, Path(module): Path<String>) -> Response {
    answer(strangler.differences(&module).await)
}

async fn apply(
    State(strangler): State<Arc<Strangler>>,
    Extension(By(operator)): Extension<By>,
    Path((module, verb)): Path<(String, String)>,
    body: Bytes,
) -> Response {
    let given = match Fields::parse(&verb, &body, &operator) {
        Ok(given) => given,
        Err(InvalidFields::UnknownVerb) => {
            let why = format!(
                "`{verb}` is not a verb of a migration: the verbs are {}",
                Fields::VERBS.join(", ")
            );
            return refusal(404, "unknown-verb", &why);
        }
        Err(InvalidFields::Field(why)) => return refusal(422, "invalid-field", &why),
    };
    let Fields {
        generation,
        dry_run,
        change,
    } = given;
    let kind = match change.into_kind(async || strangler.status(&module).await).await {
        Ok(kind) => kind,
        Err(error) => return refused(&error),
    };
    let request = Request {
        operator: operator.to_string(),
        generation,
        kind,
    };
    match strangler.apply(&module, &request, dry_run).await {
        Ok(applied) => {
            let outcome = outcome(module, &applied);
            if !outcome.dry_run {
                let (from, to) = (outcome.from.to_string(), outcome.to.to_string());
                let generation = outcome.generation;
                tracing::warn!(
                    operator = &*operator,
                    module = outcome.module,
                    verb,
                    from,
                    to,
                    generation,
                    "migration changed"
                );
            }
            Json(outcome).into_response()
        }
        Err(error) => refused(&error),
    }
}

fn outcome(module: String, applied: &Applied) -> Outcome {
    let (migration, entry) = (&applied.step.migration, applied.step.entry.as_ref());
    Outcome {
        module,
        dry_run: applied.is_dry_run,
        verb: entry.map(|entry| entry.verb),
        from: entry.map_or(migration.state, |entry| entry.from),
        to: migration.state,
        generation: migration.generation,
        evidence: entry.map(|entry| entry.evidence.clone()).unwrap_or_default(),
    }
}

fn answer<T: Serialize>(found: Result<T, StranglerError>) -> Response {
    match found {
        Ok(found) => Json(found).into_response(),
        Err(error) => refused(&error),
    }
}

fn refused(error: &StranglerError) -> Response {
    problem(to_problem(error))
}

/// The problem that operators get for an error.
pub(crate) fn to_problem(error: &StranglerError) -> Problem {
    let why = error.to_string();
    match error {
        StranglerError::UnknownModule { .. } => Problem::new(404, "unknown-module", why),
        StranglerError::NoControl(_) | StranglerError::Control(_) => Problem::new(503, "control-unavailable", why),
        StranglerError::Refused(reason) => {
            let (status, code) = code(reason);
            let found = Problem::new(status, code, why);
            match reason {
                Refusal::Gates(gates) => {
                    found.with_field("gates", gates.iter().map(GateStatus::from).collect::<Vec<_>>())
                }
                Refusal::Stale { current, .. } => found.with_field("generation", current),
                _ => found,
            }
        }
    }
}

/// Status and code of a refusal.
fn code(refusal: &Refusal) -> (u16, &'static str) {
    match refusal {
        Refusal::Stale { .. } => (409, "stale-generation"),
        Refusal::NoGeneration => (422, "no-generation"),
        Refusal::NotStarted => (409, "not-started"),
        Refusal::AlreadyStarted(_) => (409, "already-started"),
        Refusal::Paused => (409, "paused"),
        Refusal::Halted(_) => (409, "halted"),
        Refusal::NotNext { .. } => (409, "not-next"),
        Refusal::NoFurther(_) => (409, "no-further"),
        Refusal::NobodyRuns(_) => (409, "nobody-runs"),
        Refusal::NeedsReason(_) => (422, "needs-reason"),
        Refusal::Gates(_) => (409, "gates"),
        Refusal::NotWaivable(..) => (409, "not-waivable"),
        Refusal::Settings(_) => (422, "invalid-field"),
        Refusal::NotLocal(_) => (409, "not-local"),
        Refusal::InvalidRule { .. } => (422, "invalid-field"),
    }
}
