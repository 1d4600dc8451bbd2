//! What is read of one module's data. Judges nothing.

use offshoot_contract::Timestamp;
use offshoot_db::sql;
use sqlx::Error;
use uuid::Uuid;

use crate::link::Link;
use crate::{LogPosition, positions};

/// One module.
#[derive(Debug, Clone)]
pub(super) struct Look {
    pub(super) module: String,
    pub(super) store_id: Uuid,
    pub(super) role: String,
    pub(super) log: Option<LogPosition>,
    pub(super) cursors: Vec<Cursor>,
    pub(super) sagas: Vec<Saga>,
    pub(super) before: Signs,
    pub(super) after: Signs,
}

/// What moves while somebody works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Signs {
    /// Instance, beats, place.
    pub(super) replicas: Vec<(Uuid, i64, String)>,
    /// Events without a position, and the last one given.
    pub(super) unnumbered: i64,
    pub(super) last: i64,
}

/// One partition of a subscription.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(super) struct Cursor {
    pub(super) subscription: String,
    pub(super) partition: i32,
    pub(super) module: String,
    pub(super) log_id: Option<Uuid>,
    pub(super) position: i64,
    pub(super) current_at: Option<Timestamp>,
    pub(super) held: Option<String>,
    pub(super) copies: bool,
    pub(super) rebuild: bool,
    pub(super) parked: i64,
    pub(super) dead: i64,
    pub(super) holder: Option<Uuid>,
}

/// A saga that is not over.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(super) struct Saga {
    pub(super) state: String,
    pub(super) due_at: Option<Timestamp>,
    pub(super) started_at: Timestamp,
}

impl Look {
    pub(super) async fn read(module: &str, link: &mut Link) -> Result<Self, Error> {
        let (store_id, role): (Uuid, String) = link.one(sql!("SELECT store_id, role FROM offshoot_owner"), ()).await?;
        let signs = Signs::read(link).await?;
        Ok(Self {
            module: module.to_owned(),
            store_id,
            role,
            log: positions::log(link).await?,
            cursors: cursors(link).await?,
            sagas: sagas(link).await?,
            before: signs.clone(),
            after: signs,
        })
    }

    /// Processes that show that they are there.
    pub(super) fn living(&self) -> Vec<Uuid> {
        let moves = |(instance, beats, _): &&(Uuid, i64, String)| {
            let before = self.before.replicas.iter().find(|(known, ..)| known == instance);
            before.is_none_or(|(_, before, _)| before != beats)
        };
        self.after
            .replicas
            .iter()
            .filter(moves)
            .map(|replica| replica.0)
            .collect()
    }
}

impl Signs {
    pub(super) async fn read(link: &mut Link) -> Result<Self, Error> {
        let mut replicas = Vec::new();
        if link.has_table("offshoot_replicas").await? {
            let sql = sql!("SELECT instance, beats, place FROM offshoot_replicas ORDER BY place");
            replicas = link.all(sql, ()).await?;
        }
        let log = positions::log(link).await?;
        Ok(Self {
            replicas,
            unnumbered: log.as_ref().map_or(0, |log| log.unnumbered),
            last: log.map_or(0, |log| log.last),
        })
    }

    /// Whether a single look could be taken for something that it is not.
    pub(super) fn is_worth_a_second_look(&self) -> bool {
        !self.replicas.is_empty() || self.unnumbered > 0
    }
}

async fn cursors(link: &mut Link) -> Result<Vec<Cursor>, Error> {
    if !link.has_table("offshoot_cursors").await? {
        return Ok(Vec::new());
    }
    let sql = sql!(
        "SELECT c.subscription, c.partition, c.module, c.log_id, c.position, c.current_at, c.held, c.copies, c.rebuild, \
            (SELECT CAST(count(*) AS bigint) FROM offshoot_parked p WHERE p.subscription = c.subscription \
                AND p.partition = c.partition) AS parked, \
            (SELECT CAST(count(*) AS bigint) FROM offshoot_parked p WHERE p.subscription = c.subscription \
                AND p.partition = c.partition AND p.attempts > 0 AND p.due_at IS NULL) AS dead, \
            l.holder AS holder \
         FROM offshoot_cursors c \
         LEFT JOIN offshoot_leases l ON l.name = 'events ' || c.subscription || '/' || CAST(c.partition AS text) \
         ORDER BY c.subscription, c.partition"
    );
    link.all(sql, ()).await
}

async fn sagas(link: &mut Link) -> Result<Vec<Saga>, Error> {
    if !link.has_table("offshoot_sagas").await? {
        return Ok(Vec::new());
    }
    let sql =
        sql!("SELECT state, due_at, started_at FROM offshoot_sagas WHERE state IN ('running', 'waiting', 'stuck')");
    link.all(sql, ()).await
}
