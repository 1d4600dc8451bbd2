//! A purchase as a call: the order is written down with its saga ([`checkout_saga`](crate::checkout_saga)), which is
//! carried out at once, and the caller is told what came of it.
//!
//! A call that cannot go on leaves the saga to whoever looks next; one that is repeated under its key finds it again.

use std::time::Duration;

use carts_api::v1::{CartId, CartsError};
use offshoot_contract::{CallContext, CallFailure, FailureKind, fault_point};
use offshoot_db::CallKey;
use offshoot_saga::{Execution, Halt};
use orders_api::OrderId;
use orders_api::v1::{Order, OrderStatus, OrdersError, OrdersEvent};
use payments_api::v1::PaymentToken;

use crate::checkout_saga::CHECKOUT;
use crate::setback::outcome;
use crate::work::Work;
use crate::{Orders, domain, news, store};

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

/// A saga of an order that this execution has the lease of.
pub(crate) type Run = Execution<Orders>;

/// What the writing down of an order found.
enum Placed {
    /// Boxed, because the other is small.
    New(Box<Run>),
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
        let token = purchase.token.clone();
        match self.place(cx, order, token).await? {
            Placed::New(run) => self.carry_out(cx, *run).await,
            Placed::Before(id) => self.again(cx, id, purchase.token).await,
        }
    }

    /// Carries out an order that is placed. Whatever comes in between, the order is decided now or taken up again.
    async fn carry_out(&self, cx: &mut CallContext, mut run: Run) -> Result<Order, OrdersError> {
        match Box::pin(self.sagas.run(self, cx, &mut run)).await {
            Ok(()) => outcome(run.work.order),
            Err(Halt::TakenOver) => outcome(self.look_up(cx, run.work.order.id).await?),
            Err(Halt::Trouble { step, failure }) => self.hand_over(cx, run, step, failure).await,
        }
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
    async fn place(&self, cx: &mut CallContext, order: Order, token: PaymentToken) -> Result<Placed, OrdersError> {
        let cart_id = order
            .cart_id
            .unwrap_or_else(|| unreachable!("a draft is made of a cart"));
        let key = CallKey::of(cx);
        let mut tx = self.db.begin(cx).await?;
        let subject = order.id.to_string();
        let (token, number) = (Some(token), None);
        let work = Work { order, token, number };
        let begun = self
            .sagas
            .begin(&mut tx, &CHECKOUT, &subject, CHECKOUT.kind, work)
            .await?;
        let mut run = begun.ok_or_else(|| CallFailure::internal(format!("{subject} is no new order")))?;
        run.work.order.open_steps = run.open().to_vec();
        if store::place(&mut tx, &run.work.order, key.as_ref()).await? {
            let order = &run.work.order;
            news::tell(&mut tx, OrdersEvent::Placed, order, order.placed_at).await?;
            tx.commit_part().await?;
            fault_point("placed").await;
            return Ok(Placed::New(Box::new(run)));
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

    /// Leaves the order to whoever looks next, at once. The caller is told what is known: the order stands, and is under way; or
    /// it has failed, and only its traces remain to be removed.
    pub(crate) async fn hand_over(
        &self,
        cx: &mut CallContext,
        run: Run,
        step: Option<String>,
        failure: CallFailure,
    ) -> Result<Order, OrdersError> {
        let order = run.work.order.clone();
        tracing::warn!(
            order = %order.id,
            step,
            trace_id = cx.trace().id(),
            error = &failure as &dyn std::error::Error,
            "left to be taken up again"
        );
        // The last commit may have been made, with the answer: nothing can be written after it, and the lease runs out.
        if cx.is_answered() {
            return Err(failure.into());
        }
        let mut tx = self.db.begin(cx).await?;
        if !self
            .sagas
            .hand_over(&mut tx, &run, &Halt::Trouble { step, failure })
            .await?
        {
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
            let found = self.sagas.find(&mut tx, &id.to_string(), CHECKOUT.kind).await?;
            let order = store::one(&mut tx, id).await?.ok_or(OrdersError::UnknownOrder { id })?;
            let Some(found) = found.filter(|found| !found.is_over()) else {
                return match order.status {
                    OrderStatus::Failed => outcome(order),
                    _ => Ok(tx.commit(order).await?),
                };
            };
            if found.is_due(self.clock.now())
                && let Some(mut run) = self.sagas.take_over(self, &mut tx, &found).await?
            {
                tx.commit_part().await?;
                run.work.token = Some(token);
                return Box::pin(self.carry_out(cx, run)).await;
            }
            drop(tx);
            if found.is_stuck() || cx.time_left() < TIME_TO_ANSWER {
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
