//! Numbers of open sagas for metrics.

use offshoot_contract::{CallContext, CallFailure};
use offshoot_db::{Db, sql};

use crate::log::open::is_open;

/// Maximum number of open sagas that one count looks at. Far above the number ever open.
const OBSERVED_SAGAS_MAX: i64 = 10_000;

offshoot_db::row! {
    /// Open sagas of one kind.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct SagaGauges {
        /// The kind.
        pub kind: String,
        /// Number of sagas that have not ended.
        pub open: i64,
        /// Of those, the sagas that wait for an operator.
        pub stuck: i64,
    }
}

/// The open sagas of the module whose data is `db`, by kind. A kind without open sagas is left out.
pub async fn saga_gauges(db: &Db, cx: &mut CallContext) -> Result<Vec<SagaGauges>, CallFailure> {
    let sql = sql!(concat!(
        "SELECT kind, CAST(count(*) AS bigint) AS open, \
            CAST(count(*) FILTER (WHERE state = 'stuck') AS bigint) AS stuck \
         FROM (SELECT kind, state FROM offshoot_sagas WHERE ",
        is_open!(),
        " LIMIT $1) bounded GROUP BY kind ORDER BY kind"
    ));
    db.read(cx).await?.fetch_all(sql, (OBSERVED_SAGAS_MAX,)).await
}
