//! Observation of one module's data by the doctor. Reads only; `findings` draws the conclusions.

use std::collections::BTreeMap;

use offshoot_contract::Timestamp;
use offshoot_db::sql;
use offshoot_outbox::Lag;
use offshoot_saga::LIST_OPEN_SAGAS;
use sqlx::Error;
use uuid::Uuid;

use crate::connection::Connection;
use crate::positions::{self, LogPosition};

/// Observed data of one module.
#[derive(Debug, Clone)]
pub(super) struct Observation {
    pub(super) module: String,
    pub(super) store_id: Uuid,
    pub(super) role: String,
    pub(super) log: Option<LogPosition>,
    pub(super) cursors: Vec<Cursor>,
    /// Lag of each partition of each subscription, where the publisher's log is readable.
    pub(super) lags: BTreeMap<(String, i32), Lag>,
    pub(super) sagas: Vec<Saga>,
    pub(super) before: Activity,
    pub(super) after: Activity,
}

/// Values that change while a process works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Activity {
    /// Instance, heartbeat count and name of each process.
    pub(super) replicas: Vec<(Uuid, i64, String)>,
    /// Events without a position, and the last assigned position.
    pub(super) unnumbered: i64,
    pub(super) last: i64,
}

offshoot_db::row! {
    /// One partition of a subscription.
    #[derive(Debug, Clone)]
    pub(super) struct Cursor {
        pub(super) subscription: String,
        pub(super) partition: i32,
        pub(super) module: String,
        pub(super) log_id: Option<Uuid>,
        pub(super) position: i64,
        pub(super) current_at: Option<Timestamp>,
        pub(super) held: Option<String>,
        pub(super) is_projection: bool,
        pub(super) rebuild: bool,
        pub(super) parked: i64,
        pub(super) dead: i64,
        pub(super) holder: Option<Uuid>,
    }
}

offshoot_db::row! {
    /// An open saga.
    #[derive(Debug, Clone)]
    pub(super) struct Saga {
        pub(super) state: String,
        pub(super) due_at: Option<Timestamp>,
        pub(super) started_at: Timestamp,
    }
}

impl Observation {
    pub(super) async fn read(module: &str, connection: &mut Connection) -> Result<Self, Error> {
        let (store_id, role): (Uuid, String) = connection
            .fetch_one(sql!("SELECT store_id, role FROM offshoot_owner"), ())
            .await?;
        let activity = Activity::read(connection).await?;
        Ok(Self {
            module: module.to_owned(),
            store_id,
            role,
            log: positions::read_log(connection).await?,
            cursors: read_cursors(connection).await?,
            lags: BTreeMap::new(),
            sagas: read_sagas(connection).await?,
            before: activity.clone(),
            after: activity,
        })
    }

    /// The lag of a partition; `None` if the publisher's log was not readable.
    pub(super) fn lag(&self, cursor: &Cursor) -> Option<Lag> {
        self.lags.get(&(cursor.subscription.clone(), cursor.partition)).copied()
    }

    /// Processes with a new heartbeat between the two readings.
    pub(super) fn live_replicas(&self) -> Vec<Uuid> {
        let has_advanced = |(instance, heartbeats, _): &&(Uuid, i64, String)| {
            let before = self.before.replicas.iter().find(|(known, ..)| known == instance);
            before.is_none_or(|(_, before, _)| before != heartbeats)
        };
        self.after
            .replicas
            .iter()
            .filter(has_advanced)
            .map(|replica| replica.0)
            .collect()
    }
}

impl Activity {
    pub(super) async fn read(connection: &mut Connection) -> Result<Self, Error> {
        let mut replicas = Vec::new();
        if connection.has_table("offshoot_replicas").await? {
            let sql = sql!("SELECT instance, heartbeats, process FROM offshoot_replicas ORDER BY process");
            replicas = connection.fetch_all(sql, ()).await?;
        }
        let log = positions::read_log(connection).await?;
        Ok(Self {
            replicas,
            unnumbered: log.as_ref().map_or(0, |log| log.unnumbered),
            last: log.map_or(0, |log| log.last),
        })
    }

    /// Whether a second reading is needed: only a change of heartbeats or of unnumbered events is conclusive.
    pub(super) fn needs_second_reading(&self) -> bool {
        !self.replicas.is_empty() || self.unnumbered > 0
    }
}

async fn read_cursors(connection: &mut Connection) -> Result<Vec<Cursor>, Error> {
    if !connection.has_table("offshoot_cursors").await? {
        return Ok(Vec::new());
    }
    let sql = sql!(
        "SELECT c.subscription, c.partition, c.module, c.log_id, c.position, c.current_at, c.held, c.is_projection, c.rebuild, \
            (SELECT CAST(count(*) AS bigint) FROM offshoot_parked p WHERE p.subscription = c.subscription \
                AND p.partition = c.partition) AS parked, \
            (SELECT CAST(count(*) AS bigint) FROM offshoot_parked p WHERE p.subscription = c.subscription \
                AND p.partition = c.partition AND p.attempts > 0 AND p.due_at IS NULL) AS dead, \
            l.holder AS holder \
         FROM offshoot_cursors c \
         LEFT JOIN offshoot_leases l ON l.name = 'events ' || c.subscription || '/' || CAST(c.partition AS text) \
         ORDER BY c.subscription, c.partition"
    );
    connection.fetch_all(sql, ()).await
}

async fn read_sagas(connection: &mut Connection) -> Result<Vec<Saga>, Error> {
    if !connection.has_table("offshoot_sagas").await? {
        return Ok(Vec::new());
    }
    // Without a limit: the doctor counts all of them.
    connection.fetch_all(LIST_OPEN_SAGAS, (i64::MAX,)).await
}
