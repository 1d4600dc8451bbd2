//! Where a module stands: which store it is, what was migrated, the end of its log, how far it has handled others' logs,
//! which sagas it has begun. Read from the data itself, live or a snapshot.

use offshoot_contract::Timestamp;
use offshoot_db::sql;
use offshoot_outbox::COUNTED;
use serde::{Deserialize, Serialize};
use sqlx::Error;
use uuid::Uuid;

use crate::link::Link;

/// Sagas that a manifest names: far more than are ever under way at once. Their number is exact in any case.
const SAGAS_NAMED: i64 = 10_000;

/// Where a module stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Positions {
    /// Which store.
    pub store_id: Uuid,
    /// What this database is to the module's data: `open` if it takes writes.
    pub role: String,
    /// Rises with every change of the role.
    pub epoch: i64,
    /// What was migrated.
    pub migrations: Vec<MigrationEntry>,
    /// What it announces; none if it was made before there were events.
    pub log: Option<LogPosition>,
    /// What it handles of others.
    pub cursors: Vec<CursorPosition>,
    /// How many sagas are not over.
    pub sagas_in_flight: i64,
    /// Which ones.
    pub sagas: Vec<OpenSaga>,
}

/// One migration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MigrationEntry {
    /// `chassis`, or the module.
    pub set: String,
    /// Its number there.
    pub version: u32,
    /// Its name.
    pub name: String,
    /// SHA-256 of its text.
    pub checksum: String,
}

/// The log of a module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogPosition {
    /// Which log.
    pub log_id: Uuid,
    /// The last position given.
    pub last: i64,
    /// The highest one removed for its age.
    pub removed: i64,
    /// Events that were committed and had no position yet; [`COUNTED`] are so many or more.
    pub unnumbered: i64,
}

/// How far one partition of a subscription has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow)]
pub struct CursorPosition {
    /// The subscription.
    pub subscription: String,
    /// The partition.
    pub partition: i32,
    /// Whose events.
    pub module: String,
    /// In which log; none before the first read.
    pub log_id: Option<Uuid>,
    /// Everything up to here is handled or set aside.
    pub position: i64,
    /// Whether it keeps a copy.
    pub copies: bool,
}

/// A saga that is not over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow)]
pub struct OpenSaga {
    /// Subject and name.
    pub id: String,
    /// Which definition.
    pub kind: String,
    /// Where it stands.
    pub state: String,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl Positions {
    /// Reads them.
    pub(crate) async fn read(link: &mut Link) -> Result<Self, Error> {
        let owner = sql!("SELECT store_id, role, epoch FROM offshoot_owner");
        let (store_id, role, epoch): (Uuid, String, i64) = link.one(owner, ()).await?;
        let (sagas_in_flight, sagas) = open_sagas(link).await?;
        Ok(Self {
            store_id,
            role,
            epoch,
            migrations: migrations(link).await?,
            log: log(link).await?,
            cursors: cursors(link).await?,
            sagas_in_flight,
            sagas,
        })
    }
}

async fn migrations(link: &mut Link) -> Result<Vec<MigrationEntry>, Error> {
    let sql = sql!("SELECT set_name, version, name, checksum FROM offshoot_migrations ORDER BY set_name, version");
    let rows: Vec<(String, i32, String, Vec<u8>)> = link.all(sql, ()).await?;
    let entry = |(set, version, name, checksum): (String, i32, String, Vec<u8>)| MigrationEntry {
        set,
        version: version.unsigned_abs(),
        name,
        checksum: hex(&checksum),
    };
    Ok(rows.into_iter().map(entry).collect())
}

/// The end of the log.
pub(crate) async fn log(link: &mut Link) -> Result<Option<LogPosition>, Error> {
    if !link.has_table("offshoot_log").await? {
        return Ok(None);
    }
    let sql = sql!(
        sqlite: "SELECT log_id, COALESCE((SELECT seq FROM sqlite_sequence WHERE name = 'offshoot_events'), 0), removed, 0 * $1 \
                 FROM offshoot_log",
        postgres: "SELECT log_id, GREATEST(removed, (SELECT max(position) FROM offshoot_events)), removed, \
                    (SELECT count(*) FROM (SELECT FROM offshoot_events WHERE position IS NULL LIMIT $1) waiting) \
                 FROM offshoot_log",
    );
    let (log_id, last, removed, unnumbered): (Uuid, i64, i64, i64) = link.one(sql, (COUNTED,)).await?;
    Ok(Some(LogPosition {
        log_id,
        last,
        removed,
        unnumbered,
    }))
}

/// Every partition of every subscription.
pub(crate) async fn cursors(link: &mut Link) -> Result<Vec<CursorPosition>, Error> {
    if !link.has_table("offshoot_cursors").await? {
        return Ok(Vec::new());
    }
    let sql = sql!(
        "SELECT subscription, partition, module, log_id, position, copies FROM offshoot_cursors \
         ORDER BY subscription, partition"
    );
    link.all(sql, ()).await
}

async fn open_sagas(link: &mut Link) -> Result<(i64, Vec<OpenSaga>), Error> {
    if !link.has_table("offshoot_sagas").await? {
        return Ok((0, Vec::new()));
    }
    let count = sql!("SELECT count(*) FROM offshoot_sagas WHERE state IN ('running', 'waiting', 'stuck')");
    let (count,): (i64,) = link.one(count, ()).await?;
    let sql = sql!(
        "SELECT id, kind, state, updated_at FROM offshoot_sagas WHERE state IN ('running', 'waiting', 'stuck') \
         ORDER BY started_at, id LIMIT $1"
    );
    Ok((count, link.all(sql, (SAGAS_NAMED,)).await?))
}

/// Sagas that changed after a moment, the latest first.
pub(crate) async fn sagas_since(link: &mut Link, moment: Timestamp) -> Result<Vec<OpenSaga>, Error> {
    if !link.has_table("offshoot_sagas").await? {
        return Ok(Vec::new());
    }
    let sql = sql!(
        "SELECT id, kind, state, updated_at FROM offshoot_sagas WHERE updated_at > $1 ORDER BY updated_at DESC, id LIMIT $2"
    );
    link.all(sql, (moment, SAGAS_NAMED)).await
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
