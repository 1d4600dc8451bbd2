//! The log of one module: numbers what was committed, and reads it. SQL of the publisher's side.
//!
//! On Postgres whoever needs positions gives them: the row of `offshoot_log` is locked meanwhile, so there is one who does at
//! any moment, a killed one holds nobody up, and no process has to be woken by another one.

use offshoot_contract::{CallContext, CallFailure, Timestamp, fault_point};
use offshoot_db::{Db, Engine, Queries, sql};
use uuid::Uuid;

use crate::publish::MAX_PAYLOAD_BYTES;
use crate::source::{Announced, Ask, EventPage, Head};

/// Most events that are given positions at once: milliseconds.
pub(crate) const AT_ONCE: i64 = 2_000;
/// A page takes no further event once it has so many bytes of payload.
const PAGE_BYTES: i64 = 1 << 20;
/// Most positions that one page looks at: what it costs has an end, whatever the database knows of the table.
const LOOKED_AT: i64 = 10_000;
/// Most events of one page.
pub(crate) const PAGE: u32 = 500;

/// Whether a committed event has no position. On SQLite all have.
pub(crate) async fn is_waiting(db: &Db, cx: &mut CallContext) -> Result<bool, CallFailure> {
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

/// Gives a position to committed events that have none, at most [`AT_ONCE`] of them. Answers how many.
pub(crate) async fn number(db: &Db, cx: &mut CallContext) -> Result<i64, CallFailure> {
    if db.engine() == Engine::Sqlite {
        return Ok(0);
    }
    let mut tx = db.begin(cx).await?;
    // The lock, in a statement of its own: the next one sees all that was committed before it was given. Nothing is written to
    // the row: while a transaction is open anywhere on the server, each version of it would stay, and be passed by every look.
    let lock = sql!(
        sqlite: "SELECT 0",
        postgres: "SELECT one FROM offshoot_log FOR UPDATE",
    );
    tx.fetch_one::<(i32,)>(lock, ()).await?;
    let (numbered,): (i64,) = tx.fetch_one(NUMBER, (AT_ONCE,)).await?;
    tx.commit_part().await?;
    fault_point("events-numbered").await;
    Ok(numbered)
}

const NUMBER: offshoot_db::Sql = sql!(
    sqlite: "SELECT 0",
    postgres: "WITH given AS (\
            SELECT GREATEST(removed, (SELECT max(position) FROM offshoot_events)) AS last FROM offshoot_log), \
        waiting AS (\
            SELECT id, row_number() OVER (ORDER BY id) AS place FROM offshoot_events \
            WHERE position IS NULL ORDER BY id LIMIT $1), \
        numbered AS (\
            UPDATE offshoot_events e SET position = given.last + waiting.place \
            FROM waiting, given WHERE e.id = waiting.id RETURNING 1) \
        SELECT count(*) FROM numbered",
);

/// The state of the log.
pub(crate) async fn head(read: &mut Queries) -> Result<Head, CallFailure> {
    let sql = sql!(
        sqlite: "SELECT log_id, COALESCE((SELECT seq FROM sqlite_sequence WHERE name = 'offshoot_events'), 0), removed \
                 FROM offshoot_log",
        postgres: "SELECT log_id, GREATEST(removed, (SELECT max(position) FROM offshoot_events)), removed FROM offshoot_log",
    );
    let (log_id, last, removed): (Uuid, i64, i64) = read.fetch_one(sql, ()).await?;
    Ok(Head {
        log_id: log_id.to_string(),
        last,
        removed,
    })
}

/// A page of one partition.
pub(crate) async fn page(read: &mut Queries, ask: &Ask) -> Result<EventPage, CallFailure> {
    // Before the events: what is numbered in between is for the next page.
    let head = head(read).await?;
    let limit = ask.limit.clamp(1, PAGE);
    let upto = head.last.min(ask.after.saturating_add(LOOKED_AT));
    // Cut by the database, so that no more than a page is ever in memory.
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
            (ask.after, upto, ask.of, ask.partition, i64::from(limit), PAGE_BYTES),
        )
        .await?;
    // After the events: what was removed before they were read is known to have been.
    let (removed,): (i64,) = read.fetch_one(sql!("SELECT removed FROM offshoot_log"), ()).await?;
    let head = Head { removed, ..head };
    let bytes: i64 = rows.last().map_or(0, |row| row.6);
    let cut = rows.len() == limit as usize || bytes + MAX_PAYLOAD_BYTES as i64 >= PAGE_BYTES;
    let event = |(position, name, version, key, payload, at, _): (i64, String, i32, String, String, Timestamp, i64)| {
        Announced {
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
        Some(last) if cut => last.position,
        _ => upto.max(ask.after),
    };
    Ok(EventPage {
        head,
        through,
        complete_at: None,
        events,
    })
}

/// Notes how far a reader has come.
pub(crate) async fn note_reader(db: &Db, cx: &mut CallContext, reader: &str, position: i64) -> Result<(), CallFailure> {
    let now = db.now();
    let mut tx = db.begin(cx).await?;
    tx.execute(
        sql!(
            "INSERT INTO offshoot_readers (subscription, position, at) VALUES ($1, $2, $3) \
             ON CONFLICT (subscription) DO UPDATE SET position = excluded.position, at = excluded.at"
        ),
        (reader, position, now),
    )
    .await?;
    tx.commit_part().await
}
