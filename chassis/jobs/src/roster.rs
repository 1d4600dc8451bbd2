//! The tables of replicas and leases. SQL only; decides nothing.

use offshoot_contract::CallFailure;
use offshoot_db::{Queries, Tx, sql};
use uuid::Uuid;

/// A replica as its row shows it.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) instance: Uuid,
    pub(crate) beats: i64,
    pub(crate) offers: Vec<String>,
}

/// A lease as its row shows it.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    pub(crate) name: String,
    pub(crate) holder: Option<Uuid>,
    pub(crate) token: i64,
}

/// Raises our count, and enters us if we are not there, or not any more.
pub(crate) async fn beat(tx: &mut Tx<'_>, instance: Uuid, place: &str, offers: &str) -> Result<(), CallFailure> {
    tx.execute(
        sql!(
            "INSERT INTO offshoot_replicas (instance, beats, place, offers) VALUES ($1, 1, $2, $3) \
             ON CONFLICT (instance) DO UPDATE SET beats = offshoot_replicas.beats + 1, offers = excluded.offers"
        ),
        (instance, place, offers),
    )
    .await
    .map(drop)
}

pub(crate) async fn members(read: &mut Queries) -> Result<Vec<Member>, CallFailure> {
    let rows: Vec<(Uuid, i64, String)> = read
        .fetch_all(
            sql!("SELECT instance, beats, offers FROM offshoot_replicas ORDER BY instance"),
            (),
        )
        .await?;
    let member = |(instance, beats, offers): (Uuid, i64, String)| Member {
        instance,
        beats,
        // Another version may write it otherwise; then it offers nothing that we know.
        offers: serde_json::from_str(&offers).unwrap_or_default(),
    };
    Ok(rows.into_iter().map(member).collect())
}

pub(crate) async fn leases(read: &mut Queries) -> Result<Vec<Held>, CallFailure> {
    let rows: Vec<(String, Option<Uuid>, i64)> = read
        .fetch_all(
            sql!("SELECT name, holder, token FROM offshoot_leases ORDER BY name"),
            (),
        )
        .await?;
    let held = |(name, holder, token)| Held { name, holder, token };
    Ok(rows.into_iter().map(held).collect())
}

/// Removes a replica that has stood still, and frees what it held. False if it has moved after all.
pub(crate) async fn bury(tx: &mut Tx<'_>, instance: Uuid, beats: i64) -> Result<bool, CallFailure> {
    let removed = tx
        .execute(
            sql!("DELETE FROM offshoot_replicas WHERE instance = $1 AND beats = $2"),
            (instance, beats),
        )
        .await?;
    if removed > 0 {
        free_all(tx, instance).await?;
    }
    Ok(removed > 0)
}

/// Removes ourselves.
pub(crate) async fn leave(tx: &mut Tx<'_>, instance: Uuid) -> Result<(), CallFailure> {
    tx.execute(sql!("DELETE FROM offshoot_replicas WHERE instance = $1"), (instance,))
        .await?;
    free_all(tx, instance).await
}

async fn free_all(tx: &mut Tx<'_>, holder: Uuid) -> Result<(), CallFailure> {
    tx.execute(
        sql!("UPDATE offshoot_leases SET holder = NULL WHERE holder = $1"),
        (holder,),
    )
    .await
    .map(drop)
}

/// Takes a lease that nobody else holds, or whose holder is no replica any more; answers its token.
pub(crate) async fn take(tx: &mut Tx<'_>, name: &str, instance: Uuid) -> Result<Option<i64>, CallFailure> {
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

/// Gives a lease back.
pub(crate) async fn give_back(tx: &mut Tx<'_>, name: &str, holder: Uuid) -> Result<(), CallFailure> {
    tx.execute(
        sql!("UPDATE offshoot_leases SET holder = NULL WHERE name = $1 AND holder = $2"),
        (name, holder),
    )
    .await
    .map(drop)
}
