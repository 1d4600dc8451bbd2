//! Goods that come back: a cancellation takes all that is left, a return some. Either is decided in one commit, with what
//! it has to do elsewhere, and then carried through.

use std::time::Duration;

use offshoot_contract::{CallContext, CallFailure, fault_point};
use offshoot_db::CallKey;
use orders_api::OrderId;
use orders_api::v1::{Order, OrderStatus, OrdersError, Return, ReturnedLine};

use crate::checkout::Work;
use crate::setback::Setback;
use crate::{Orders, domain, store};

/// How often a repeated call looks whether the first one has ended.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// How much time it leaves itself to answer.
const TIME_TO_ANSWER: Duration = Duration::from_secs(1);

impl Orders {
    pub(crate) async fn take_all_back(&self, cx: &mut CallContext, id: OrderId) -> Result<Order, OrdersError> {
        let now = self.clock.now();
        let mut tx = self.db.begin(cx).await?;
        let found = store::held(&mut tx, id)
            .await?
            .ok_or(OrdersError::UnknownOrder { id })?;
        let order = store::one(&mut tx, id).await?.ok_or(OrdersError::UnknownOrder { id })?;
        if order.status == OrderStatus::Cancelled {
            return Ok(tx.commit(order).await?);
        }
        domain::check_returnable(&order)?;
        if found.lease_until.is_some() {
            return Err(OrdersError::OrderBusy { id });
        }
        let back = domain::cancellation(&order, now);
        let work = self.decide(tx, order, found.attempt, back, None).await?;
        self.carry_through(cx, work).await
    }

    pub(crate) async fn take_some_back(
        &self,
        cx: &mut CallContext,
        id: OrderId,
        lines: Vec<ReturnedLine>,
    ) -> Result<Order, OrdersError> {
        let key = CallKey::of(cx);
        loop {
            let now = self.clock.now();
            // Ends the call here if its answer is recorded.
            let mut tx = self.db.begin(cx).await?;
            let found = store::held(&mut tx, id)
                .await?
                .ok_or(OrdersError::UnknownOrder { id })?;
            let order = store::one(&mut tx, id).await?.ok_or(OrdersError::UnknownOrder { id })?;
            let before = match &key {
                Some(key) => store::returned_under(&mut tx, key).await?,
                None => None,
            };
            match (before, &key, found.lease_until) {
                // An interrupted call under this key has decided it.
                (Some(before), Some(key), lease) => {
                    key.require_same(&before)?;
                    if lease.is_none() {
                        return Ok(tx.commit(order).await?);
                    }
                    if lease <= Some(now)
                        && store::take_over(&mut tx, id, found.attempt, now, now.plus(self.settings.lease)).await?
                    {
                        tx.commit_part().await?;
                        let attempt = found.attempt + 1;
                        return self.carry_through(cx, Work { order, attempt }).await;
                    }
                    drop(tx);
                    if cx.time_left() < TIME_TO_ANSWER {
                        return Ok(order);
                    }
                    tokio::time::sleep(LOOK_AGAIN).await;
                }
                (_, _, lease) => {
                    domain::check_returnable(&order)?;
                    if lease.is_some() {
                        return Err(OrdersError::OrderBusy { id });
                    }
                    let back = domain::partial_return(&order, lines, now)?;
                    let work = self.decide(tx, order, found.attempt, back, key.as_ref()).await?;
                    return self.carry_through(cx, work).await;
                }
            }
        }
    }

    /// The commit after which goods and money come back, whatever happens.
    async fn decide(
        &self,
        mut tx: offshoot_db::Tx<'_>,
        order: Order,
        attempt: i64,
        back: Return,
        key: Option<&CallKey>,
    ) -> Result<Work, OrdersError> {
        let id = order.id;
        let lease_until = back.at.plus(self.settings.lease);
        let status = if back.cancellation {
            OrderStatus::Cancelled
        } else {
            OrderStatus::Confirmed
        };
        // Somebody else may have taken the order up since it was read.
        if !store::take_back(&mut tx, id, attempt, status, &back, lease_until).await? {
            return Err(OrdersError::OrderBusy { id });
        }
        store::add_return(&mut tx, id, &back, key).await?;
        store::intend(&mut tx, id, &domain::steps_of(&back)).await?;
        store::add_credit(&mut tx, &order, back.refund, back.at).await?;
        tx.commit_part().await?;
        fault_point("taken-back").await;
        Ok(Work {
            order: domain::with_return(order, back),
            attempt: attempt + 1,
        })
    }

    async fn carry_through(&self, cx: &mut CallContext, mut work: Work) -> Result<Order, OrdersError> {
        match self.finish(cx, &mut work).await {
            Ok(order) => Ok(order),
            Err(Setback::TakenOver) => self.look_up(cx, work.order.id).await,
            Err(Setback::Trouble(failure)) => self.hand_over(cx, work, failure).await,
            Err(Setback::Failed(_)) => Err(CallFailure::internal("goods that come back cannot fail an order").into()),
        }
    }
}
