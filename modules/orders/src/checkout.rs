//! A purchase, from top to bottom: the order is written down, goods are reserved, money is held, the order is confirmed;
//! then the goods leave and the money is taken ([`finishing`](crate::finishing)).
//!
//! Intents stand in the log before they are carried out, outcomes after, and what follows one step is intended in the
//! same commit. Until it is confirmed, an order that cannot go on is undone; after that it is carried through. Whoever
//! finds it interrupted need not know how far it came: each step may be done again. Only the holder of the lease writes.

use std::time::Duration;

use carts_api::v1::{CartId, CartsError};
use offshoot_contract::{CallContext, CallFailure, FailureKind, Timestamp, fault_point};
use offshoot_db::CallKey;
use orders_api::OrderId;
use orders_api::v1::{FailureReason, Order, OrderStatus, OrdersError};
use payments_api::v1::PaymentToken;

use crate::calls::Held;
use crate::setback::{Setback, outcome};
use crate::step::Step;
use crate::store::Under;
use crate::{Orders, domain, store};

/// How often a repeated call looks whether the first one has ended.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// How much time a repeated call leaves itself to answer that the order is still pending.
const TIME_TO_ANSWER: Duration = Duration::from_secs(1);

/// What is bought, by whom.
pub(crate) struct Purchase {
    pub(crate) cart_id: CartId,
    pub(crate) email: String,
    pub(crate) country: Option<String>,
    pub(crate) token: PaymentToken,
}

/// An order that this execution holds the lease of.
pub(crate) struct Work {
    pub(crate) order: Order,
    /// Proves the lease: who takes the order over raises it.
    pub(crate) attempt: i64,
}

impl Work {
    /// The same, after it was noted that the order has failed and what that leaves to do.
    pub(crate) fn has_failed(&mut self, reason: FailureReason, next: &[Step], now: Timestamp) {
        self.order.status = OrderStatus::Failed;
        self.order.failure = Some(reason);
        self.order.open_steps = next.iter().map(|step| step.name()).collect();
        self.order.updated_at = now;
    }
}

/// What the writing down of an order found.
enum Placed {
    /// Boxed, because the other is small.
    New(Box<Work>),
    /// A call under the same key has placed this one.
    Before(OrderId),
}

impl Orders {
    pub(crate) async fn buy(&self, cx: &mut CallContext, purchase: Purchase) -> Result<Order, OrdersError> {
        let contact = domain::contact(&purchase)?;
        if let Some(before) = self.placed_before(cx).await? {
            return self.again(cx, before, purchase.token).await;
        }
        let cart = self.others.carts.cart(cx, purchase.cart_id).await.map_err(of_carts)?;
        let order = domain::draft(cart, contact, self.clock.now())?;
        match self.place(cx, order).await? {
            Placed::New(work) => self.carry_out(cx, *work, purchase.token).await,
            Placed::Before(id) => self.again(cx, id, purchase.token).await,
        }
    }

    /// Carries out an order that is placed. Whatever comes in between, the order is decided now or left to the sweeper.
    async fn carry_out(&self, cx: &mut CallContext, mut work: Work, token: PaymentToken) -> Result<Order, OrdersError> {
        match self.try_to(cx, &mut work, token).await {
            Ok(order) => outcome(order),
            Err(Setback::TakenOver) => outcome(self.look_up(cx, work.order.id).await?),
            Err(Setback::Failed(reason)) => match self.undo(cx, &mut work, reason).await {
                Ok(order) => outcome(order),
                Err(Setback::TakenOver) => outcome(self.look_up(cx, work.order.id).await?),
                Err(Setback::Failed(_)) => unreachable!("what is undone cannot fail for the order's own reasons"),
                Err(Setback::Trouble(failure)) => self.hand_over(cx, work, failure).await,
            },
            Err(Setback::Trouble(failure)) => self.hand_over(cx, work, failure).await,
        }
    }

    async fn try_to(&self, cx: &mut CallContext, work: &mut Work, token: PaymentToken) -> Result<Order, Setback> {
        if work.order.status == OrderStatus::Pending {
            self.reserve(cx, &work.order).await?;
            self.authorize(cx, &work.order, token).await?;
            self.confirm(cx, work).await?;
        }
        self.finish(cx, work).await
    }

    /// The same for an order that was found interrupted, without its token.
    pub(crate) async fn resume(&self, cx: &mut CallContext, work: &mut Work) -> Result<Order, Setback> {
        if work.order.status == OrderStatus::Pending {
            match self.settle(cx, &work.order).await? {
                Held::No(reason) => return self.undo(cx, work, reason).await,
                Held::Yes => {}
            }
            match self.reserve(cx, &work.order).await {
                Ok(()) => self.confirm(cx, work).await?,
                Err(Setback::Failed(reason)) => return self.undo(cx, work, reason).await,
                Err(other) => return Err(other),
            }
        }
        self.finish(cx, work).await
    }

    /// The order that a call under the same key has placed.
    async fn placed_before(&self, cx: &mut CallContext) -> Result<Option<OrderId>, CallFailure> {
        let Some(key) = CallKey::of(cx) else { return Ok(None) };
        let mut read = self.db.read(cx).await?;
        match store::placed_under(&mut read, &key).await? {
            Some(before) => before.id_of_same(&key).map(Some),
            None => Ok(None),
        }
    }

    /// Writes the order down, with what is to be done first.
    async fn place(&self, cx: &mut CallContext, order: Order) -> Result<Placed, OrdersError> {
        let cart_id = order
            .cart_id
            .unwrap_or_else(|| unreachable!("a draft is made of a cart"));
        let lease_until = self.clock.now().plus(self.settings.lease);
        let key = CallKey::of(cx);
        let mut tx = self.db.begin(cx).await?;
        if store::place(&mut tx, &order, key.as_ref(), lease_until).await? {
            store::intend(&mut tx, order.id, &[Step::Reserve, Step::Authorize]).await?;
            tx.commit_part().await?;
            fault_point("placed").await;
            return Ok(Placed::New(Box::new(Work { order, attempt: 0 })));
        }
        if let Some(key) = &key
            && let Some(before) = store::placed_under(&mut tx, key).await?
        {
            return Ok(Placed::Before(before.id_of_same(key)?));
        }
        match store::order_of_cart(&mut tx, cart_id).await? {
            Some(order_id) => Err(OrdersError::AlreadyOrdered { cart_id, order_id }),
            // It failed in this moment, so the cart is free again.
            None => {
                let what = format!("{cart_id} was being ordered by somebody else");
                Err(CallFailure::not_executed(FailureKind::Unavailable, what).into())
            }
        }
    }

    /// The point from which the order is carried through.
    async fn confirm(&self, cx: &mut CallContext, work: &mut Work) -> Result<(), Setback> {
        let now = self.clock.now();
        let mut tx = self.db.begin(cx).await?;
        let under = Under::lease(work, now, now.plus(self.settings.lease));
        store::confirm(&mut tx, &under)
            .await?
            .then_some(())
            .ok_or(Setback::TakenOver)?;
        store::end_steps(&mut tx, work.order.id, &[Step::Reserve, Step::Authorize], true).await?;
        store::intend(&mut tx, work.order.id, &[Step::Ship, Step::Capture]).await?;
        store::add_sale(&mut tx, &work.order, now).await?;
        tx.commit_part().await?;
        work.order.status = OrderStatus::Confirmed;
        work.order.updated_at = now;
        work.order.open_steps = vec![Step::Ship.name(), Step::Capture.name()];
        fault_point("confirmed").await;
        Ok(())
    }

    /// Notes that the order has failed, and lets go what is not known to be free. That stands in the log before it is
    /// done: whoever takes the order over later goes the same way, so it is never both undone and carried through.
    async fn undo(&self, cx: &mut CallContext, work: &mut Work, reason: FailureReason) -> Result<Order, Setback> {
        // What the first attempt was refused, it need not let go. A later one cannot know what was done before.
        let first = work.attempt == 0;
        let next: &[Step] = match reason {
            FailureReason::InsufficientStock { .. } if first => &[],
            FailureReason::PaymentDeclined { .. } if first => &[Step::Release],
            _ => &[Step::Void, Step::Release],
        };
        let now = self.clock.now();
        let mut tx = self.db.begin(cx).await?;
        let under = if next.is_empty() {
            Under::end(work, now)
        } else {
            Under::lease(work, now, now.plus(self.settings.lease))
        };
        store::fail(&mut tx, &under, &reason)
            .await?
            .then_some(())
            .ok_or(Setback::TakenOver)?;
        store::end_steps(&mut tx, work.order.id, &[Step::Reserve, Step::Authorize], false).await?;
        store::intend(&mut tx, work.order.id, next).await?;
        tx.commit_part().await?;
        work.has_failed(reason, next, now);
        if next.is_empty() {
            return Ok(work.order.clone());
        }
        self.finish(cx, work).await
    }

    /// Leaves the order to the sweeper, at once. The caller is told what is known: the order stands, and is under way; or
    /// it has failed, and only its traces remain to be removed.
    pub(crate) async fn hand_over(
        &self,
        cx: &mut CallContext,
        work: Work,
        failure: CallFailure,
    ) -> Result<Order, OrdersError> {
        let Work { order, attempt } = work;
        tracing::warn!(
            order = %order.id,
            trace_id = cx.trace().id(),
            error = &failure as &dyn std::error::Error,
            "left to the sweeper"
        );
        // The last commit may have been made, with the answer: nothing can be written after it, and the lease runs out.
        if cx.is_answered() {
            return Err(failure.into());
        }
        let mut tx = self.db.begin(cx).await?;
        if !store::hand_over(&mut tx, order.id, attempt, self.clock.now()).await? {
            // Somebody else has it, who knows more.
            drop(tx);
            return outcome(self.look_up(cx, order.id).await?);
        }
        if order.status == OrderStatus::Failed {
            tx.commit_part().await?;
            return outcome(order);
        }
        Ok(tx.commit(order).await?)
    }

    /// A call under a key whose order was placed before: answers as that call did, waits for it if it is under way, and
    /// takes its place if it was broken off.
    pub(crate) async fn again(
        &self,
        cx: &mut CallContext,
        id: OrderId,
        token: PaymentToken,
    ) -> Result<Order, OrdersError> {
        loop {
            // Ends the call here if its answer is recorded.
            let mut tx = self.db.begin(cx).await?;
            let found = store::held(&mut tx, id)
                .await?
                .ok_or(OrdersError::UnknownOrder { id })?;
            let order = store::one(&mut tx, id).await?.ok_or(OrdersError::UnknownOrder { id })?;
            if order.status == OrderStatus::Failed && found.lease_until.is_none() {
                return outcome(order);
            }
            let Some(lease_until) = found.lease_until else {
                return Ok(tx.commit(order).await?);
            };
            let now = self.clock.now();
            if lease_until <= now
                && store::take_over(&mut tx, id, found.attempt, now, now.plus(self.settings.lease)).await?
            {
                tx.commit_part().await?;
                let attempt = found.attempt + 1;
                return Box::pin(self.carry_out(cx, Work { order, attempt }, token)).await;
            }
            drop(tx);
            if cx.time_left() < TIME_TO_ANSWER {
                return outcome(order);
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    pub(crate) async fn look_up(&self, cx: &mut CallContext, id: OrderId) -> Result<Order, OrdersError> {
        let mut read = self.db.read(cx).await?;
        store::one(&mut read, id).await?.ok_or(OrdersError::UnknownOrder { id })
    }
}

/// What the carts' answer means to whoever checks out.
fn of_carts(error: CartsError) -> OrdersError {
    match error {
        CartsError::UnknownCart { id } => OrdersError::UnknownCart { id },
        CartsError::CartExpired { id, .. } => OrdersError::CartExpired { id },
        CartsError::Call(failure) => failure.into(),
        other => CallFailure::internal("the carts gave an answer that they do not give to this question")
            .caused_by(other)
            .into(),
    }
}
