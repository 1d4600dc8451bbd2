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
    /// Hash of the executable.
    pub build: String,
    /// Modules with the implementation in the binary.
    pub implementations: Vec<String>,
    /// Addresses of each module that the process knows.
    pub addresses: BTreeMap<String, Vec<String>>,
    /// The generation of each plan that the process runs, by module.
    pub plans: BTreeMap<String, u64>,
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
    rows.into_iter()
        .map(|(instance, json)| Ok((instance, decode(&json, "member")?)))
        .collect()
}
