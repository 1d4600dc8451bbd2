//! The log of what an order does in other modules.

use offshoot_contract::CallFailure;
use offshoot_db::{List, Tx, sql};
use orders_api::OrderId;

use crate::step::Step;

/// Writes down what is to be done, after whatever stands there.
pub(crate) async fn intend(tx: &mut Tx<'_>, id: OrderId, steps: &[Step]) -> Result<(), CallFailure> {
    let sql = sql!("SELECT COALESCE(max(position), 0) FROM order_steps WHERE order_id = $1");
    let (last,): (i64,) = tx.fetch_one(sql, (id,)).await?;
    let sql = sql!("INSERT INTO order_steps (order_id, position, step, state) VALUES $rows");
    let rows = steps.iter().zip(last + 1..);
    let rows = rows.map(|(step, position)| (id, position, step.name(), "intended".to_owned()));
    tx.insert_many(sql, rows).await.map(drop)
}

/// Notes that those of these steps that are open were done, or are not to be done after all.
pub(crate) async fn end_steps(tx: &mut Tx<'_>, id: OrderId, steps: &[Step], done: bool) -> Result<(), CallFailure> {
    let names: List<String> = steps.iter().map(|step| step.name()).collect();
    let sql = sql!(
        sqlite: "UPDATE order_steps SET state = $2 WHERE order_id = $1 AND state = 'intended' \
                 AND step IN (SELECT value FROM json_each($3))",
        postgres: "UPDATE order_steps SET state = $2 WHERE order_id = $1 AND state = 'intended' AND step = ANY($3)",
    );
    let state = if done { "done" } else { "undone" };
    tx.execute(sql, (id, state, names)).await.map(drop)
}

/// Notes that every open step was done.
pub(crate) async fn end_all_steps(tx: &mut Tx<'_>, id: OrderId) -> Result<(), CallFailure> {
    let sql = sql!("UPDATE order_steps SET state = 'done' WHERE order_id = $1 AND state = 'intended'");
    tx.execute(sql, (id,)).await.map(drop)
}
