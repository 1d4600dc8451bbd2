//! SQL of the payment tables. Runs in the caller's transaction or read and makes no decisions.

use offshoot_contract::{CallFailure, Currency, Money, Timestamp};
use offshoot_db::{Name, Queries, Tx, sql};
use payments_api::v1::{Payment, PaymentStatus};

/// ISO 4217 code for "no currency".
const NO_CURRENCY: &str = "XXX";

offshoot_db::row! {
    struct PaymentRow {
        reference: String,
        status: Name<PaymentStatus>,
        amount: i64,
        currency: Currency,
        refunded: i64,
        decline_reason: Option<String>,
        created_at: Timestamp,
        updated_at: Timestamp,
    }
}

/// A row of `refunds`.
pub(crate) struct Refund {
    pub(crate) payment: String,
    pub(crate) amount: i64,
    pub(crate) done: bool,
}

/// Inserts a pending payment. Returns false if the reference exists. On Postgres the insert waits for a concurrent
/// transaction that uses the same reference.
pub(crate) async fn add_payment(
    tx: &mut Tx<'_>,
    reference: &str,
    amount: Money,
    now: Timestamp,
) -> Result<bool, CallFailure> {
    let sql = sql!(
        "INSERT INTO payments (reference, status, amount, currency, created_at, updated_at) \
         VALUES ($1, 'pending', $2, $3, $4, $4) ON CONFLICT (reference) DO NOTHING"
    );
    let values = (reference, amount.ten_thousandths(), amount.currency(), now);
    Ok(tx.execute(sql, values).await? == 1)
}

/// Voids a pending, authorized or unknown payment. Returns false if the payment has another status.
pub(crate) async fn void(tx: &mut Tx<'_>, reference: &str, now: Timestamp) -> Result<bool, CallFailure> {
    let sql = sql!(
        "INSERT INTO payments (reference, status, amount, currency, created_at, updated_at) \
         VALUES ($1, 'voided', 0, $2, $3, $3) ON CONFLICT (reference) DO UPDATE \
         SET status = 'voided', updated_at = excluded.updated_at WHERE payments.status IN ('pending', 'authorized')"
    );
    Ok(tx.execute(sql, (reference, NO_CURRENCY, now)).await? == 1)
}

/// Changes the status of a payment. Returns false if the status is not `from`.
pub(crate) async fn change_status(
    tx: &mut Tx<'_>,
    reference: &str,
    [from, to]: [PaymentStatus; 2],
    decline_reason: Option<&str>,
    now: Timestamp,
) -> Result<bool, CallFailure> {
    let sql = sql!(
        "UPDATE payments SET status = $3, decline_reason = $4, updated_at = $5 WHERE reference = $1 AND status = $2"
    );
    let values = (reference, Name(from), Name(to), decline_reason, now);
    Ok(tx.execute(sql, values).await? == 1)
}

/// Finds a payment by reference.
pub(crate) async fn payment(db: &mut Queries, reference: &str) -> Result<Option<Payment>, CallFailure> {
    let sql = sql!(
        "SELECT reference, status, amount, currency, decline_reason, created_at, updated_at, \
         COALESCE((SELECT CAST(sum(r.amount) AS bigint) FROM refunds r WHERE r.payment = reference AND r.done), 0) AS refunded \
         FROM payments WHERE reference = $1"
    );
    let row: Option<PaymentRow> = db.fetch_optional(sql, (reference,)).await?;
    Ok(row.map(to_payment))
}

/// Reads up to `limit` payments after `after`, with `status` or with any status, ordered by reference.
pub(crate) async fn payments(
    db: &mut Queries,
    status: Option<PaymentStatus>,
    after: &str,
    limit: u32,
) -> Result<Vec<Payment>, CallFailure> {
    let sql = sql!(
        "SELECT reference, status, amount, currency, decline_reason, created_at, updated_at, \
         COALESCE((SELECT CAST(sum(r.amount) AS bigint) FROM refunds r WHERE r.payment = reference AND r.done), 0) AS refunded \
         FROM payments WHERE reference > $1 AND status = COALESCE($2, status) ORDER BY reference LIMIT $3"
    );
    let values = (after, status.map(Name), i64::from(limit));
    let rows: Vec<PaymentRow> = db.fetch_all(sql, values).await?;
    Ok(rows.into_iter().map(to_payment).collect())
}

/// Locks the row of a captured payment until the transaction ends, so that refunds of one payment are serialized.
/// Returns false if the payment is not captured.
pub(crate) async fn lock_captured(tx: &mut Tx<'_>, reference: &str, now: Timestamp) -> Result<bool, CallFailure> {
    let sql = sql!("UPDATE payments SET updated_at = $2 WHERE reference = $1 AND status = 'captured'");
    Ok(tx.execute(sql, (reference, now)).await? == 1)
}

/// Finds a refund by reference.
pub(crate) async fn refund(db: &mut Queries, refund: &str) -> Result<Option<Refund>, CallFailure> {
    let sql = sql!("SELECT payment, amount, done FROM refunds WHERE refund = $1");
    let row: Option<(String, i64, bool)> = db.fetch_optional(sql, (refund,)).await?;
    Ok(row.map(|(payment, amount, done)| Refund { payment, amount, done }))
}

/// Sums all refunds of a payment, refunds in flight included.
pub(crate) async fn sum_refunds(db: &mut Queries, payment: &str) -> Result<i64, CallFailure> {
    let sql = sql!("SELECT COALESCE(CAST(sum(amount) AS bigint), 0) FROM refunds WHERE payment = $1");
    let (sum,): (i64,) = db.fetch_one(sql, (payment,)).await?;
    Ok(sum)
}

pub(crate) async fn add_refund(
    tx: &mut Tx<'_>,
    refund: &str,
    payment: &str,
    amount: Money,
    now: Timestamp,
) -> Result<(), CallFailure> {
    let sql = sql!("INSERT INTO refunds (refund, payment, amount, done, at) VALUES ($1, $2, $3, $4, $5)");
    let values = (refund, payment, amount.ten_thousandths(), false, now);
    tx.execute(sql, values).await.map(drop)
}

/// Marks a refund as executed by the provider.
pub(crate) async fn mark_refund_done(tx: &mut Tx<'_>, refund: &str) -> Result<(), CallFailure> {
    let sql = sql!("UPDATE refunds SET done = $2 WHERE refund = $1");
    tx.execute(sql, (refund, true)).await.map(drop)
}

fn to_payment(row: PaymentRow) -> Payment {
    let (status, currency) = (row.status.0, row.currency);
    let captured = if status == PaymentStatus::Captured {
        row.amount
    } else {
        0
    };
    Payment {
        reference: row.reference,
        status,
        amount: Money::new(row.amount, currency),
        captured: Money::new(captured, currency),
        refunded: Money::new(row.refunded, currency),
        decline_reason: row.decline_reason,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}
