//! Positions of a module: store id, owner role, applied migrations, end of the log, cursors into other logs, open
//! sagas. Read from live data or from a snapshot.

use offshoot_contract::Timestamp;
use offshoot_db::sql;
use offshoot_outbox::UNNUMBERED_COUNT_MAX;
use offshoot_saga::{COUNT_OPEN_SAGAS, LIST_OPEN_SAGAS, LIST_SAGAS_CHANGED_AFTER};
use serde::{Deserialize, Serialize};
use sqlx::Error;
use uuid::Uuid;

use crate::connection::Connection;
use crate::limits::MANIFEST_SAGAS_MAX;

/// Positions of one module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Positions {
    /// Id of the store.
    pub store_id: Uuid,
    /// Role of this database in the owner row: `open` accepts writes.
    pub role: String,
    /// Epoch of the owner row, raised by each change of role.
    pub epoch: i64,
    /// Applied migrations.
    pub migrations: Vec<MigrationEntry>,
    /// The module's event log; `None` if the schema predates event logs.
    pub log: Option<LogPosition>,
    /// Cursors into the logs of other modules.
    pub cursors: Vec<CursorPosition>,
    /// Number of open sagas.
    pub sagas_in_flight: i64,
    /// The open sagas, oldest first.
    pub sagas: Vec<OpenSaga>,
}

/// One applied migration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MigrationEntry {
    /// Migration set: `chassis` or the module name.
    pub set: String,
    /// Version within the set.
    pub version: u32,
    /// Migration name.
    pub name: String,
    /// SHA-256 of the migration text, hexadecimal.
    pub checksum: String,
}

/// Position of a module's event log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogPosition {
    /// Id of the log.
    pub log_id: Uuid,
    /// Last assigned position.
    pub last: i64,
    /// Highest position removed by retention.
    pub removed_through: i64,
    /// Committed events without a position; [`UNNUMBERED_COUNT_MAX`] means that many or more.
    pub unnumbered: i64,
}

offshoot_db::row! {
    /// Cursor of one partition of a subscription.
    #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
    pub struct CursorPosition {
        /// Subscription name.
        pub subscription: String,
        /// Partition number.
        pub partition: i32,
        /// Publisher of the events.
        pub module: String,
        /// Id of the log that was read; `None` before the first read.
        pub log_id: Option<Uuid>,
        /// Every event up to this position is handled or parked.
        pub position: i64,
        /// Whether the subscription maintains a projection, which can be rebuilt.
        pub is_projection: bool,
    }
}

offshoot_db::row! {
    /// A saga that has not ended.
    #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
    pub struct OpenSaga {
        /// Saga id: subject and name.
        pub id: String,
        /// Name of the saga definition.
        pub kind: String,
        /// Name of the saga's status: `running`, `waiting`, `undoing`, `stuck`, `done` or `undone`.
        pub state: String,
        /// Time of the last change.
        pub updated_at: Timestamp,
    }
}

impl Positions {
    /// Reads the positions of the module behind `connection`.
    pub(crate) async fn read(connection: &mut Connection) -> Result<Self, Error> {
        let owner = sql!("SELECT store_id, role, epoch FROM offshoot_owner");
        let (store_id, role, epoch): (Uuid, String, i64) = connection.fetch_one(owner, ()).await?;
        let (sagas_in_flight, sagas) = read_open_sagas(connection).await?;
        Ok(Self {
            store_id,
            role,
            epoch,
            migrations: read_migrations(connection).await?,
            log: read_log(connection).await?,
            cursors: read_cursors(connection).await?,
            sagas_in_flight,
            sagas,
        })
    }
}

async fn read_migrations(connection: &mut Connection) -> Result<Vec<MigrationEntry>, Error> {
    let sql = sql!("SELECT set_name, version, name, checksum FROM offshoot_migrations ORDER BY set_name, version");
    let rows: Vec<(String, i32, String, Vec<u8>)> = connection.fetch_all(sql, ()).await?;
    let entry = |(set, version, name, checksum): (String, i32, String, Vec<u8>)| MigrationEntry {
        set,
        version: version.unsigned_abs(),
        name,
        checksum: hex(&checksum),
    };
    Ok(rows.into_iter().map(entry).collect())
}

/// Reads the position of the log; `None` if there is no log table.
pub(crate) async fn read_log(connection: &mut Connection) -> Result<Option<LogPosition>, Error> {
    if !connection.has_table("offshoot_log").await? {
        return Ok(None);
    }
    let sql = sql!(
        sqlite: "SELECT log_id, COALESCE((SELECT seq FROM sqlite_sequence WHERE name = 'offshoot_events'), 0), \
                    removed_through, 0 * $1 FROM offshoot_log",
        postgres: "SELECT log_id, GREATEST(removed_through, (SELECT max(position) FROM offshoot_events)), removed_through, \
                    (SELECT count(*) FROM (SELECT FROM offshoot_events WHERE position IS NULL LIMIT $1) waiting) \
                 FROM offshoot_log",
    );
    let (log_id, last, removed_through, unnumbered): (Uuid, i64, i64, i64) =
        connection.fetch_one(sql, (UNNUMBERED_COUNT_MAX,)).await?;
    Ok(Some(LogPosition {
        log_id,
        last,
        removed_through,
        unnumbered,
    }))
}

/// Reads the cursor of every partition of every subscription.
pub(crate) async fn read_cursors(connection: &mut Connection) -> Result<Vec<CursorPosition>, Error> {
    if !connection.has_table("offshoot_cursors").await? {
        return Ok(Vec::new());
    }
    let sql = sql!(
        "SELECT subscription, partition, module, log_id, position, is_projection FROM offshoot_cursors \
         ORDER BY subscription, partition"
    );
    connection.fetch_all(sql, ()).await
}

async fn read_open_sagas(connection: &mut Connection) -> Result<(i64, Vec<OpenSaga>), Error> {
    if !connection.has_table("offshoot_sagas").await? {
        return Ok((0, Vec::new()));
    }
    let (count,): (i64,) = connection.fetch_one(COUNT_OPEN_SAGAS, ()).await?;
    Ok((
        count,
        connection.fetch_all(LIST_OPEN_SAGAS, (MANIFEST_SAGAS_MAX,)).await?,
    ))
}

/// Reads the sagas that changed after `moment`, latest first.
pub(crate) async fn read_sagas_changed_after(
    connection: &mut Connection,
    moment: Timestamp,
) -> Result<Vec<OpenSaga>, Error> {
    if !connection.has_table("offshoot_sagas").await? {
        return Ok(Vec::new());
    }
    connection
        .fetch_all(LIST_SAGAS_CHANGED_AFTER, (moment, MANIFEST_SAGAS_MAX))
        .await
}

/// Lower-case hexadecimal digits of `bytes`.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
