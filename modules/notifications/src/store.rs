//! SQL of the table `notices`. Runs in the caller's transaction or read and decides nothing.

use notifications_api::v1::{Notice, OrderId};
use offshoot_contract::{CallFailure, Timestamp};
use offshoot_db::{Queries, Tx, sql};
use orders_api::v1::OrderSnapshot;

offshoot_db::row! {
    /// Row of a notice.
    struct NoticeRow {
        number: i64,
        order_id: OrderId,
        recipient: String,
        subject: String,
        at: Timestamp,
        position: i64,
        key: String,
    }
}

/// Inserts a notice for the event at `position` of the orders' log.
pub(crate) async fn insert(
    tx: &mut Tx<'_>,
    order: &OrderSnapshot,
    subject: &str,
    position: i64,
    key: &str,
) -> Result<(), CallFailure> {
    let sql =
        sql!("INSERT INTO notices (order_id, recipient, subject, at, position, key) VALUES ($1, $2, $3, $4, $5, $6)");
    let values = (
        order.order_id,
        order.customer.as_str(),
        subject,
        order.at,
        position,
        key,
    );
    tx.execute(sql, values).await.map(drop)
}

/// Notices with a number above `after`, lowest number first, at most `limit`.
pub(crate) async fn list(read: &mut Queries, after: i64, limit: u32) -> Result<Vec<Notice>, CallFailure> {
    let sql = sql!(
        "SELECT number, order_id, recipient, subject, at, position, key FROM notices \
         WHERE number > $1 ORDER BY number LIMIT $2"
    );
    let rows: Vec<NoticeRow> = read.fetch_all(sql, (after, i64::from(limit))).await?;
    rows.into_iter().map(NoticeRow::into_notice).collect()
}

/// Like [`list`], for one order.
pub(crate) async fn list_of_order(
    read: &mut Queries,
    order_id: OrderId,
    after: i64,
    limit: u32,
) -> Result<Vec<Notice>, CallFailure> {
    let sql = sql!(
        "SELECT number, order_id, recipient, subject, at, position, key FROM notices \
         WHERE order_id = $1 AND number > $2 ORDER BY number LIMIT $3"
    );
    let rows: Vec<NoticeRow> = read.fetch_all(sql, (order_id, after, i64::from(limit))).await?;
    rows.into_iter().map(NoticeRow::into_notice).collect()
}

impl NoticeRow {
    fn into_notice(self) -> Result<Notice, CallFailure> {
        Ok(Notice {
            number: u64::try_from(self.number).map_err(|error| {
                CallFailure::internal("the notifications database contains a notice with a negative number")
                    .caused_by(error)
            })?,
            order_id: self.order_id,
            recipient: self.recipient,
            subject: self.subject,
            at: self.at,
            position: self.position,
            key: self.key,
        })
    }
}
