//! Orders whose execution was broken off are taken up again, by any process, all the time.
//!
//! An order under way has a lease. Whoever finds one that has run out takes the order over, which shuts the earlier
//! holder out, and finishes or undoes it.

use std::time::Duration;

use offshoot_contract::{CallContext, CallFailure};
use orders_api::OrderId;

use crate::checkout::Work;
use crate::setback::Setback;
use crate::{Orders, store};

/// Orders taken up in one round.
const AT_ONCE: u32 = 50;
/// How long one order may take.
const TIMEOUT: Duration = Duration::from_secs(20);
/// How long an order is left alone after the first vain attempt; doubles with each, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// Soon enough after an outage of hours.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

impl Orders {
    /// Takes up what nobody works on. Answers how many orders it brought to their end. Fails only if it cannot look: what
    /// is wrong with one order is logged, and does not keep it from the others.
    pub async fn sweep(&self) -> Result<u64, CallFailure> {
        let mut cx = CallContext::root("orders").with_timeout(TIMEOUT);
        let abandoned = {
            let mut read = self.db.read(&mut cx).await?;
            store::abandoned(&mut read, self.clock.now(), AT_ONCE).await?
        };
        let mut ended = 0;
        for (id, attempt) in abandoned {
            match self.take_up(id, attempt).await {
                Ok(true) => ended += 1,
                Ok(false) => {}
                Err(failure) => {
                    tracing::warn!(order = %id, attempt, error = &failure as &dyn std::error::Error, "not finished yet; will be tried again");
                }
            }
        }
        Ok(ended)
    }

    /// False if somebody else was quicker.
    async fn take_up(&self, id: OrderId, attempt: i64) -> Result<bool, CallFailure> {
        let mut cx = CallContext::root("orders").with_timeout(TIMEOUT);
        let now = self.clock.now();
        let mut tx = self.db.begin(&mut cx).await?;
        if !store::take_over(&mut tx, id, attempt, now, now.plus(self.settings.lease)).await? {
            return Ok(false);
        }
        let Some(order) = store::one(&mut tx, id).await? else {
            return Ok(false);
        };
        tx.commit_part().await?;
        let mut work = Work {
            order,
            attempt: attempt + 1,
        };
        match Box::pin(self.resume(&mut cx, &mut work)).await {
            Ok(order) => {
                tracing::info!(order = %id, status = %order.status, attempt = work.attempt, "brought to its end");
                Ok(true)
            }
            Err(Setback::TakenOver) => Ok(false),
            Err(Setback::Trouble(failure)) => {
                self.put_off(&work).await?;
                Err(failure)
            }
            Err(Setback::Failed(reason)) => {
                self.put_off(&work).await?;
                Err(CallFailure::internal(format!(
                    "{id} can be neither finished nor undone: {reason:?}"
                )))
            }
        }
    }

    /// Leaves the order alone for a while, longer each time.
    async fn put_off(&self, work: &Work) -> Result<(), CallFailure> {
        let doublings = u32::try_from(work.attempt).unwrap_or(u32::MAX).min(10);
        let pause = FIRST_PAUSE.saturating_mul(1 << doublings).min(LONGEST_PAUSE);
        let mut cx = CallContext::root("orders").with_timeout(TIMEOUT);
        let mut tx = self.db.begin(&mut cx).await?;
        store::hand_over(&mut tx, work.order.id, work.attempt, self.clock.now().plus(pause)).await?;
        tx.commit_part().await
    }
}
