//! What an order that is decided still has to do in other modules: one step after the other, then it is noted that all
//! are done. Serves checkouts, cancellations, returns and the sweeper alike.

use offshoot_contract::{CallContext, fault_point};
use orders_api::v1::{FailureReason, Order, OrderStatus};

use crate::checkout::Work;
use crate::setback::Setback;
use crate::step::Step;
use crate::store::Under;
use crate::{Orders, store};

impl Orders {
    /// Does every step that is open, and notes it. The order is final after it.
    ///
    /// Its last transaction is the call's answer, unless the order has failed: then the caller is told so by an error.
    pub(crate) async fn finish(&self, cx: &mut CallContext, work: &mut Work) -> Result<Order, Setback> {
        while let Err((step, reason)) = self.open_steps(cx, work).await? {
            self.give_up(cx, work, step, reason).await?;
        }
        let now = self.clock.now();
        let mut tx = self.db.begin(cx).await?;
        store::end(&mut tx, &Under::end(work, now))
            .await?
            .then_some(())
            .ok_or(Setback::TakenOver)?;
        store::end_all_steps(&mut tx, work.order.id).await?;
        let order = Order {
            open_steps: Vec::new(),
            updated_at: now,
            ..work.order.clone()
        };
        if order.status == OrderStatus::Failed {
            tx.commit_part().await?;
            return Ok(order);
        }
        let order = tx.commit(order).await?;
        fault_point("finished").await;
        Ok(order)
    }

    /// Does the steps in their order. `Err` in the answer: the order cannot be carried through, because of this step.
    async fn open_steps(
        &self,
        cx: &mut CallContext,
        work: &Work,
    ) -> Result<Result<(), (Step, FailureReason)>, Setback> {
        for step in work.order.open_steps.iter().filter_map(|name| Step::parse(name)) {
            match self.perform(cx, &work.order, step).await {
                Ok(()) => {}
                Err(Setback::Failed(reason)) => return Ok(Err((step, reason))),
                Err(other) => return Err(other),
            }
        }
        Ok(Ok(()))
    }

    /// A confirmed order that cannot be carried through after all: its reservation had expired and the goods are gone, or
    /// the money that was held cannot be taken, or somebody let either go. Nobody has been charged, so the goods come back and the money is let
    /// go. Both are intended in the commit that notes the failure.
    async fn give_up(
        &self,
        cx: &mut CallContext,
        work: &mut Work,
        at: Step,
        reason: FailureReason,
    ) -> Result<(), Setback> {
        let now = self.clock.now();
        let id = work.order.id;
        let (done, next): (&[Step], &[Step]) = match at {
            Step::Capture => (&[Step::Ship], &[Step::PutBack, Step::Void]),
            // An expired reservation could still be shipped, once there are goods again.
            _ => (&[], &[Step::Void, Step::Release]),
        };
        let mut tx = self.db.begin(cx).await?;
        let under = Under::lease(work, now, now.plus(self.settings.lease));
        store::fail(&mut tx, &under, &reason)
            .await?
            .then_some(())
            .ok_or(Setback::TakenOver)?;
        store::end_steps(&mut tx, id, done, true).await?;
        store::end_steps(&mut tx, id, &[Step::Ship, Step::Capture], false).await?;
        store::intend(&mut tx, id, next).await?;
        store::add_credit(&mut tx, &work.order, work.order.total, now).await?;
        tx.commit_part().await?;
        work.has_failed(reason, next, now);
        Ok(())
    }
}
