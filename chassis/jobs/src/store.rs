//! SQL of the tables `offshoot_replicas` and `offshoot_leases`. Decides nothing.

use offshoot_contract::CallFailure;
use offshoot_db::{Queries, Tx, sql};
use uuid::Uuid;

/// Row of a replica.
#[derive(Debug, Clone)]
pub(crate) struct ReplicaRow {
    pub(crate) instance: Uuid,
    /// Number of heartbeats so far.
    pub(crate) heartbeats: i64,
    /// Names of the offered work.
    pub(crate) offers: Vec<String>,
}

/// A process that sends heartbeats to a module's data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Id of the process.
    pub instance: Uuid,
    /// Name for operators.
    pub name: String,
    /// Whether the process offers background work, or holds a lease.
    pub works: bool,
}

/// Row of a lease.
#[derive(Debug, Clone)]
pub(crate) struct LeaseRow {
    pub(crate) name: String,
    pub(crate) holder: Option<Uuid>,
    pub(crate) token: i64,
}

/// Counts a heartbeat of a replica, and inserts the replica if its row is missing.
pub(crate) async fn record_heartbeat(
    tx: &mut Tx<'_>,
    instance: Uuid,
    process: &str,
    offers: &str,
) -> Result<(), CallFailure> {
    tx.execute(
        sql!(
            "INSERT INTO offshoot_replicas (instance, heartbeats, process, offers) VALUES ($1, 1, $2, $3) \
             ON CONFLICT (instance) DO UPDATE SET heartbeats = offshoot_replicas.heartbeats + 1, offers = excluded.offers"
        ),
        (instance, process, offers),
    )
    .await
    .map(drop)
}

pub(crate) async fn replicas(read: &mut Queries) -> Result<Vec<ReplicaRow>, CallFailure> {
    let rows: Vec<(Uuid, i64, String)> = read
        .fetch_all(
            sql!("SELECT instance, heartbeats, offers FROM offshoot_replicas ORDER BY instance"),
            (),
        )
        .await?;
    let row = |(instance, heartbeats, offers): (Uuid, i64, String)| ReplicaRow {
        instance,
        heartbeats,
        // Another version may use another format; its offers are then ignored.
        offers: serde_json::from_str(&offers).unwrap_or_default(),
    };
    Ok(rows.into_iter().map(row).collect())
}

pub(crate) async fn processes(read: &mut Queries) -> Result<Vec<Process>, CallFailure> {
    let rows: Vec<(Uuid, String, String, i64)> = read
        .fetch_all(
            sql!(
                "SELECT r.instance, r.process, r.offers, \
                 (SELECT count(*) FROM offshoot_leases l WHERE l.holder = r.instance) FROM offshoot_replicas r"
            ),
            (),
        )
        .await?;
    let process = |(instance, name, offers, leases): (Uuid, String, String, i64)| Process {
        instance,
        name,
        works: leases > 0 || serde_json::from_str::<Vec<String>>(&offers).is_ok_and(|offers| !offers.is_empty()),
    };
    Ok(rows.into_iter().map(process).collect())
}

/// Number of heartbeats of a replica; `None` if the replica has no row.
pub(crate) async fn heartbeats(read: &mut Queries, instance: Uuid) -> Result<Option<i64>, CallFailure> {
    let row: Option<(i64,)> = read
        .fetch_optional(
            sql!("SELECT heartbeats FROM offshoot_replicas WHERE instance = $1"),
            (instance,),
        )
        .await?;
    Ok(row.map(|(heartbeats,)| heartbeats))
}

pub(crate) async fn leases(read: &mut Queries) -> Result<Vec<LeaseRow>, CallFailure> {
    let rows: Vec<(String, Option<Uuid>, i64)> = read
        .fetch_all(
            sql!("SELECT name, holder, token FROM offshoot_leases ORDER BY name"),
            (),
        )
        .await?;
    let row = |(name, holder, token)| LeaseRow { name, holder, token };
    Ok(rows.into_iter().map(row).collect())
}

/// Removes a dead replica and releases its leases. `false` if the replica has sent a heartbeat meanwhile.
pub(crate) async fn remove_dead_replica(tx: &mut Tx<'_>, instance: Uuid, heartbeats: i64) -> Result<bool, CallFailure> {
    let removed = tx
        .execute(
            sql!("DELETE FROM offshoot_replicas WHERE instance = $1 AND heartbeats = $2"),
            (instance, heartbeats),
        )
        .await?;
    if removed > 0 {
        release_all(tx, instance).await?;
    }
    Ok(removed > 0)
}

/// Removes a replica and releases its leases.
pub(crate) async fn remove_replica(tx: &mut Tx<'_>, instance: Uuid) -> Result<(), CallFailure> {
    tx.execute(sql!("DELETE FROM offshoot_replicas WHERE instance = $1"), (instance,))
        .await?;
    release_all(tx, instance).await
}

async fn release_all(tx: &mut Tx<'_>, holder: Uuid) -> Result<(), CallFailure> {
    tx.execute(
        sql!("UPDATE offshoot_leases SET holder = NULL WHERE holder = $1"),
        (holder,),
    )
    .await
    .map(drop)
}

/// Takes a lease that is free, held by `instance`, or held by a removed replica. Returns the token, or `None` if another
/// replica holds the lease.
pub(crate) async fn take_lease(tx: &mut Tx<'_>, name: &str, instance: Uuid) -> Result<Option<i64>, CallFailure> {
    let taken: Option<(i64,)> = tx
        .fetch_optional(
            sql!(
                "INSERT INTO offshoot_leases (name, holder, token) VALUES ($1, $2, 1) \
                 ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, token = offshoot_leases.token + 1 \
                 WHERE offshoot_leases.holder IS NULL \
                 OR offshoot_leases.holder = excluded.holder \
                 OR offshoot_leases.holder NOT IN (SELECT instance FROM offshoot_replicas) \
                 RETURNING token"
            ),
            (name, instance),
        )
        .await?;
    Ok(taken.map(|(token,)| token))
}

/// Releases a lease held by `holder`.
pub(crate) async fn release_lease(tx: &mut Tx<'_>, name: &str, holder: Uuid) -> Result<(), CallFailure> {
    tx.execute(
        sql!("UPDATE offshoot_leases SET holder = NULL WHERE name = $1 AND holder = $2"),
        (name, holder),
    )
    .await
    .map(drop)
}
