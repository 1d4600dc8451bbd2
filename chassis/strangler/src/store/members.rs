//! The processes that follow the records.

use std::collections::BTreeMap;

use offshoot_contract::CallFailure;
use offshoot_db::{Queries, Tx, sql};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::moves::{decode, encode};

/// A process that follows the records.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberState {
    /// Name for people: host and process id.
    pub name: String,
    /// Modules with the implementation in the binary.
    pub implementations: Vec<String>,
    /// Addresses of each module that the process knows.
    pub addresses: BTreeMap<String, Vec<String>>,
    /// The generation of each plan that the process runs, by module.
    pub plans: BTreeMap<String, u64>,
    /// Modules that run in the process as candidates.
    #[serde(default)]
    pub candidate_for: Vec<String>,
    /// Modules whose calls the process routes.
    #[serde(default)]
    pub routes: Vec<String>,
    /// Modules whose implementation runs in the process.
    #[serde(default)]
    pub runs: Vec<String>,
    /// Modules that do not run in the process, and whose calls all go to a candidate.
    #[serde(default)]
    pub calls_candidate_of: Vec<String>,
    /// Whether this binary could not read the state.
    #[serde(skip)]
    pub is_unreadable: bool,
}

impl MemberState {
    /// Whether a plan of the module routes calls of the process.
    #[must_use]
    pub fn is_member_of(&self, module: &str) -> bool {
        self.is_unreadable || self.routes.iter().any(|name| name == module) && !self.is_candidate_for(module)
    }

    /// Whether the process was started as a candidate for the module.
    #[must_use]
    pub fn is_candidate_for(&self, module: &str) -> bool {
        self.candidate_for.iter().any(|name| name == module)
    }
}

/// Writes the state of a process.
pub async fn put_member(tx: &mut Tx<'_>, instance: Uuid, state: &MemberState) -> Result<(), CallFailure> {
    let json = encode(state)?;
    tx.execute(
        sql!(
            "INSERT INTO members (instance, state) VALUES ($1, $2) \
             ON CONFLICT (instance) DO UPDATE SET state = excluded.state"
        ),
        (instance, json.as_str()),
    )
    .await
    .map(drop)
}

/// Removes a process that stopped.
pub async fn remove_member(tx: &mut Tx<'_>, instance: Uuid) -> Result<(), CallFailure> {
    tx.execute(sql!("DELETE FROM members WHERE instance = $1"), (instance,))
        .await
        .map(drop)
}

/// Removes the processes without a live heartbeat. A process that lives on writes its state again.
pub async fn remove_dead_members(tx: &mut Tx<'_>) -> Result<u64, CallFailure> {
    tx.execute(
        sql!("DELETE FROM members WHERE instance NOT IN (SELECT instance FROM offshoot_replicas)"),
        (),
    )
    .await
}

/// The state of a process. One that does not decode, as from a newer binary, is a member of every module that runs no plan: no
/// step forward passes it, and the others follow their plans.
fn member(instance: Uuid, json: &str) -> MemberState {
    decode(json, "member").unwrap_or_else(|_| MemberState {
        name: format!("a process of another version, {instance}"),
        is_unreadable: true,
        ..MemberState::default()
    })
}

/// The processes with a live heartbeat, by id.
pub async fn members(read: &mut Queries) -> Result<Vec<(Uuid, MemberState)>, CallFailure> {
    let rows: Vec<(Uuid, String)> = read
        .fetch_all(
            sql!(
                "SELECT m.instance, m.state FROM members m \
                 JOIN offshoot_replicas r ON r.instance = m.instance ORDER BY m.instance"
            ),
            (),
        )
        .await?;
    Ok(rows
        .into_iter()
        .map(|(instance, json)| (instance, member(instance, &json)))
        .collect())
}
