//! SQL of a module's event log: assigns positions to committed events, reads pages, and records readers' positions.
//!
//! On Postgres any reader that needs positions assigns them under a lock on the row of `offshoot_log`. One process assigns
//! at a time, a killed process blocks nobody, and no process has to wake another process.

use offshoot_contract::{CallContext, CallFailure, Timestamp, fault_point};
use offshoot_db::{Db, Engine, Queries, sql};
use uuid::Uuid;

use crate::limits::{ASSIGNED_MAX, MAX_PAYLOAD_BYTES, PAGE_BYTES_MAX, PAGE_EVENTS_MAX, PAGE_POSITIONS_MAX};
use crate::source::{EventPage, Head, PublishedEvent, ReadRequest};

/// Whether a committed event has no position. Always false on SQLite, where the insert assigns the position.
pub(crate) async fn has_unnumbered_events(db: &Db, cx: &mut CallContext) -> Result<bool, CallFailure> {
    if db.engine() == Engine::Sqlite {
        return Ok(false);
    }
    let sql = sql!(
        sqlite: "SELECT 0",
        postgres: "SELECT id FROM offshoot_events WHERE position IS NULL ORDER BY id LIMIT 1",
    );
    let waiting: Option<(i64,)> = db.read(cx).await?.fetch_optional(sql, ()).await?;
    Ok(waiting.is_some())
}

/// Assigns positions to committed events that have none, at most [`ASSIGNED_MAX`]. Returns the number of events.
pub(crate) async fn assign_positions(db: &Db, cx: &mut CallContext) -> Result<i64, CallFailure> {
    if db.engine() == Engine::Sqlite {
        return Ok(0);
    }
    let mut tx = db.begin(cx).await?;
    // The lock is a statement of its own, so that the next statement sees every commit before the lock was granted. The row
    // is never written: while any transaction of the server is open, dead row versions would pile up and slow every poll.
    let lock = sql!(
        sqlite: "SELECT 0",
        postgres: "SELECT one FROM offshoot_log FOR UPDATE",
    );
    tx.fetch_one::<(i32,)>(lock, ()).await?;
    let (numbered,): (i64,) = tx.fetch_one(ASSIGN_POSITIONS, (ASSIGNED_MAX,)).await?;
    tx.commit_part().await?;
    fault_point("events-numbered").await;
    Ok(numbered)
}

const ASSIGN_POSITIONS: offshoot_db::Sql = sql!(
    sqlite: "SELECT 0",
    postgres: "WITH given AS (\
            SELECT GREATEST(removed_through, (SELECT max(position) FROM offshoot_events)) AS last FROM offshoot_log), \
        waiting AS (\
            SELECT id, row_number() OVER (ORDER BY id) AS place FROM offshoot_events \
            WHERE position IS NULL ORDER BY id LIMIT $1), \
        numbered AS (\
            UPDATE offshoot_events e SET position = given.last + waiting.place \
            FROM waiting, given WHERE e.id = waiting.id RETURNING 1) \
        SELECT count(*) FROM numbered",
);

/// Reads the head of the log.
pub(crate) async fn read_head(read: &mut Queries) -> Result<Head, CallFailure> {
    let sql = sql!(
        sqlite: "SELECT log_id, COALESCE((SELECT seq FROM sqlite_sequence WHERE name = 'offshoot_events'), 0), removed_through \
                 FROM offshoot_log",
        postgres: "SELECT log_id, GREATEST(removed_through, (SELECT max(position) FROM offshoot_events)), removed_through \
                   FROM offshoot_log",
    );
    let (log_id, last, removed_through): (Uuid, i64, i64) = read.fetch_one(sql, ()).await?;
    Ok(Head {
        log_id: log_id.to_string(),
        last,
        removed_through,
    })
}

/// Reads a page of one partition.
pub(crate) async fn read_page(read: &mut Queries, request: &ReadRequest) -> Result<EventPage, CallFailure> {
    // The head is read before the events: positions assigned in between belong to the next page.
    let head = read_head(read).await?;
    let limit = request.limit.clamp(1, PAGE_EVENTS_MAX);
    let up_to = head.last.min(request.after.saturating_add(PAGE_POSITIONS_MAX));
    // The database cuts the page, so that the process never holds more than one page in memory.
    let rows: Vec<(i64, String, i32, String, String, Timestamp, i64)> = read
        .fetch_all(
            sql!(
                "SELECT position, name, version, key, payload, at, bytes FROM (\
                        SELECT position, name, version, key, payload, at, \
                            sum(octet_length(payload)) OVER (ORDER BY position) - octet_length(payload) AS bytes \
                        FROM (\
                            SELECT position, name, version, key, payload, at FROM offshoot_events \
                            WHERE position > $1 AND position <= $2 AND bucket % $3 = $4 ORDER BY position LIMIT $5\
                        ) page\
                    ) sized WHERE bytes < $6 ORDER BY position",
            ),
            (
                request.after,
                up_to,
                request.partitions,
                request.partition,
                i64::from(limit),
                PAGE_BYTES_MAX,
            ),
        )
        .await?;
    // `removed_through` is read after the events, so that it covers every event removed before that read.
    let (removed_through,): (i64,) = read
        .fetch_one(sql!("SELECT removed_through FROM offshoot_log"), ())
        .await?;
    let head = Head {
        removed_through,
        ..head
    };
    // Payload bytes before the last event. A last payload of the maximum size may reach the limit, and the query then cuts
    // the page.
    let bytes: i64 = rows.last().map_or(0, |row| row.6);
    let is_cut = rows.len() == limit as usize || bytes + MAX_PAYLOAD_BYTES as i64 >= PAGE_BYTES_MAX;
    let event = |(position, name, version, key, payload, at, _): (i64, String, i32, String, String, Timestamp, i64)| {
        PublishedEvent {
            position,
            name,
            version: u32::try_from(version).unwrap_or_default(),
            key,
            payload,
            at,
        }
    };
    let events: Vec<_> = rows.into_iter().map(event).collect();
    let through = match events.last() {
        Some(last) if is_cut => last.position,
        _ => up_to.max(request.after),
    };
    Ok(EventPage {
        head,
        through,
        complete_at: None,
        events,
    })
}

/// Records the position of a reader; retention keeps later events.
pub(crate) async fn record_reader_position(
    db: &Db,
    cx: &mut CallContext,
    reader: &str,
    position: i64,
) -> Result<(), CallFailure> {
    let now = db.now();
    let mut tx = db.begin(cx).await?;
    tx.execute(
        sql!(
            "INSERT INTO offshoot_readers (reader, position, at) VALUES ($1, $2, $3) \
             ON CONFLICT (reader) DO UPDATE SET position = excluded.position, at = excluded.at"
        ),
        (reader, position, now),
    )
    .await?;
    tx.commit_part().await
}
