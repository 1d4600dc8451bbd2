//! Goods that come back: a cancellation takes all that is left, a return some. Either is decided in one commit, with its
//! saga ([`return_saga`](crate::return_saga)), which is then carried through.

use std::time::Duration;

use offshoot_contract::{CallContext, fault_point};
use offshoot_db::{CallKey, Tx};
use offshoot_saga::{Definition, Halt};
use orders_api::OrderId;
use orders_api::v1::{Order, OrderStatus, OrdersError, OrdersEvent, Return, ReturnedLine};

use crate::checkout::Run;
use crate::return_saga::{CANCELLATION, RETURN};
use crate::work::Work;
use crate::{Orders, domain, news, store};

/// How often a repeated call looks whether the first one has ended.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// How much time it leaves itself to answer.
const TIME_TO_ANSWER: Duration = Duration::from_secs(1);

impl Orders {
    pub(crate) async fn take_all_back(&self, cx: &mut CallContext, id: OrderId) -> Result<Order, OrdersError> {
        let now = self.clock.now();
        let mut tx = self.db.begin(cx).await?;
        let before = store::returns_so_far(&mut tx, id).await?;
        let order = store::one(&mut tx, id).await?.ok_or(OrdersError::UnknownOrder { id })?;
        if order.returns.len() != before {
            return Err(OrdersError::OrderBusy { id });
        }
        if order.status == OrderStatus::Cancelled {
            return Ok(tx.commit(order).await?);
        }
        domain::check_returnable(&order)?;
        if self.sagas.is_under_way(&mut tx, &id.to_string()).await? {
            return Err(OrdersError::OrderBusy { id });
        }
        let back = domain::cancellation(&order, now);
        let run = self.decide(tx, order, back, None).await?;
        self.carry_through(cx, run).await
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
            let returns = store::returns_so_far(&mut tx, id).await?;
            let order = store::one(&mut tx, id).await?.ok_or(OrdersError::UnknownOrder { id })?;
            if order.returns.len() != returns {
                return Err(OrdersError::OrderBusy { id });
            }
            let before = match &key {
                Some(key) => store::returned_under(&mut tx, key).await?,
                None => None,
            };
            let (Some(before), Some(key)) = (before, &key) else {
                domain::check_returnable(&order)?;
                if self.sagas.is_under_way(&mut tx, &id.to_string()).await? {
                    return Err(OrdersError::OrderBusy { id });
                }
                let back = domain::partial_return(&order, lines, now)?;
                let run = self.decide(tx, order, back, key.as_ref()).await?;
                return self.carry_through(cx, run).await;
            };
            // An interrupted call under this key has decided it.
            let name = name(&RETURN, before.number_of_same(key)?);
            let found = self.sagas.find(&mut tx, &id.to_string(), &name).await?;
            let Some(found) = found.filter(|found| !found.is_over()) else {
                return Ok(tx.commit(order).await?);
            };
            if found.is_due(now)
                && let Some(run) = self.sagas.take_over(self, &mut tx, &found).await?
            {
                tx.commit_part().await?;
                return self.carry_through(cx, run).await;
            }
            drop(tx);
            if found.is_stuck() || cx.time_left() < TIME_TO_ANSWER {
                return Ok(order);
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// The commit after which goods and money come back, whatever happens.
    async fn decide(
        &self,
        mut tx: Tx<'_>,
        order: Order,
        back: Return,
        key: Option<&CallKey>,
    ) -> Result<Run, OrdersError> {
        let id = order.id;
        let definition = if back.cancellation { &CANCELLATION } else { &RETURN };
        let name = name(definition, back.number);
        let work = Work {
            order: domain::with_return(order, back.clone()),
            token: None,
            number: Some(back.number),
        };
        let begun = self
            .sagas
            .begin(&mut tx, definition, &id.to_string(), &name, work)
            .await?;
        let mut run = begun.ok_or(OrdersError::OrderBusy { id })?;
        let open = run.open().to_vec();
        let order = &mut run.work.order;
        order.open_steps = open;
        // Something else may have come back since the order was read.
        if !store::add_return(&mut tx, id, &back, key).await? || !store::take_back(&mut tx, order, &back).await? {
            return Err(OrdersError::OrderBusy { id });
        }
        store::add_credit(&mut tx, order, back.refund, back.at).await?;
        let turn = if back.cancellation {
            OrdersEvent::Cancelled
        } else {
            OrdersEvent::Returned
        };
        news::tell(&mut tx, turn, order, back.at).await?;
        tx.commit_part().await?;
        fault_point("taken-back").await;
        Ok(run)
    }

    async fn carry_through(&self, cx: &mut CallContext, mut run: Run) -> Result<Order, OrdersError> {
        match Box::pin(self.sagas.run(self, cx, &mut run)).await {
            Ok(()) => Ok(run.work.order),
            Err(Halt::TakenOver) => self.look_up(cx, run.work.order.id).await,
            Err(Halt::Trouble { step, failure }) => self.hand_over(cx, run, step, failure).await,
        }
    }
}

/// Of the saga about this return of an order.
fn name(definition: &Definition<Orders>, number: u32) -> String {
    format!("{}-{number}", definition.kind)
}
