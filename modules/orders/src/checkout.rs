//! Checkout: inserts the order with its saga ([`checkout_saga`](crate::checkout_saga)), executes the saga, and answers
//! with the outcome.
//!
//! The saga of an interrupted call is left to the next process that looks for due sagas. A call repeated under its
//! idempotency key finds the saga again.

use std::time::Duration;

use carts_api::v1::{CartId, CartsError};
use offshoot_contract::{CallContext, CallFailure, FailureKind, fault_point};
use offshoot_db::CallKey;
use offshoot_saga::{Execution, Halt};
use orders_api::OrderId;
use orders_api::v1::{self, OrderStatus, OrdersError, OrdersEvent};
use payments_api::v1::PaymentToken;

use crate::answer::checkout_answer;
use crate::checkout_saga::CHECKOUT;
use crate::domain::{Order, draft};
use crate::orders::Orders;
use crate::saga_state::SagaState;
use crate::{events, store};

/// Interval at which a repeated call polls for the end of the first call.
pub(crate) const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// Time that a repeated call reserves for answering that the order is still pending.
pub(crate) const TIME_TO_ANSWER: Duration = Duration::from_secs(1);

/// Arguments of a checkout.
pub(crate) struct Purchase {
    pub(crate) cart_id: CartId,
    pub(crate) email: String,
    pub(crate) country: Option<String>,
    pub(crate) token: PaymentToken,
}

/// An execution of an order's saga.
pub(crate) type OrderExecution = Execution<Orders>;

/// Outcome of inserting an order.
enum Placed {
    /// The order is new. Boxed, because the other variant is small.
    New(Box<OrderExecution>),
    /// An earlier call under the same key has inserted this order.
    Existing(OrderId),
}

impl Orders {
    pub(crate) async fn check_out(&self, cx: &mut CallContext, purchase: Purchase) -> Result<v1::Order, OrdersError> {
        let contact = draft::validate_contact(&purchase.email, purchase.country.as_deref())?;
        if let Some(existing) = self.find_order_by_key(cx).await? {
            return self.resume_or_wait(cx, existing, purchase.token).await;
        }
        let cart = self.collaborators.carts.cart(cx, purchase.cart_id).await;
        let cart = cart.map_err(from_carts_error)?;
        let order = draft::draft_order(cart, contact, self.clock.now())?;
        let token = purchase.token.clone();
        match self.place(cx, order, token).await? {
            Placed::New(execution) => self.run_checkout(cx, *execution).await,
            Placed::Existing(id) => self.resume_or_wait(cx, id, purchase.token).await,
        }
    }

    /// Executes the saga of an inserted order. An interrupted saga is resumed later.
    async fn run_checkout(
        &self,
        cx: &mut CallContext,
        mut execution: OrderExecution,
    ) -> Result<v1::Order, OrdersError> {
        match Box::pin(self.sagas.run_to_end(self, cx, &mut execution)).await {
            Ok(()) => checkout_answer(execution.state.order),
            Err(Halt::TakenOver) => checkout_answer(self.find_order(cx, execution.state.order.id).await?),
            Err(Halt::Retryable { step, failure }) => self.hand_over(cx, execution, step, failure).await,
        }
    }

    /// The order that an earlier call under the same key has inserted.
    async fn find_order_by_key(&self, cx: &mut CallContext) -> Result<Option<OrderId>, CallFailure> {
        let Some(key) = CallKey::from_context(cx) else {
            return Ok(None);
        };
        let mut read = self.db.read(cx).await?;
        match store::lifecycle::order_by_key(&mut read, &key).await? {
            Some(existing) => existing.id_for_same_arguments(&key).map(Some),
            None => Ok(None),
        }
    }

    /// Commits the order together with its saga and the intents of the first stage.
    async fn place(&self, cx: &mut CallContext, order: Order, token: PaymentToken) -> Result<Placed, OrdersError> {
        let cart_id = order.cart_id;
        let key = CallKey::from_context(cx);
        let mut tx = self.db.begin(cx).await?;
        let subject = order.id.to_string();
        let state = SagaState {
            order,
            token: Some(token),
            return_number: None,
        };
        let begun = self
            .sagas
            .begin(&mut tx, &CHECKOUT, &subject, CHECKOUT.kind, state)
            .await?;
        let mut execution =
            begun.ok_or_else(|| CallFailure::internal(format!("{subject} is new, but has a saga already")))?;
        execution.state.order.open_steps = execution.open_steps().to_vec();
        if store::lifecycle::insert_order(&mut tx, &execution.state.order, key.as_ref()).await? {
            let order = &execution.state.order;
            events::publish_order(&mut tx, OrdersEvent::Placed, order, order.placed_at).await?;
            tx.commit_part().await?;
            fault_point("placed").await;
            return Ok(Placed::New(Box::new(execution)));
        }
        if let Some(key) = &key
            && let Some(existing) = store::lifecycle::order_by_key(&mut tx, key).await?
        {
            return Ok(Placed::Existing(existing.id_for_same_arguments(key)?));
        }
        match store::lifecycle::order_of_cart(&mut tx, cart_id).await? {
            Some(order_id) => Err(OrdersError::AlreadyOrdered { cart_id, order_id }),
            // The other order has failed since the insert, so the cart can be ordered again.
            None => {
                let message = format!("another call was ordering {cart_id}");
                Err(CallFailure::not_executed(FailureKind::Unavailable, message).into())
            }
        }
    }

    /// Hands over the saga of a stopped execution, so that the saga is due at once. Answers with the pending or
    /// confirmed order, or with the error of a failed order of which only the undo remains.
    pub(crate) async fn hand_over(
        &self,
        cx: &mut CallContext,
        execution: OrderExecution,
        step: Option<String>,
        failure: CallFailure,
    ) -> Result<v1::Order, OrdersError> {
        let order = execution.state.order.clone();
        tracing::warn!(
            order = %order.id,
            step,
            trace_id = cx.trace().id(),
            error = &failure as &dyn std::error::Error,
            "order interrupted; its saga will be resumed"
        );
        // The last commit, with the answer, may have succeeded. Nothing can be written after that commit; the saga is
        // resumed once its lease has expired.
        if cx.is_answered() {
            return Err(failure.into());
        }
        let mut tx = self.db.begin(cx).await?;
        if !self
            .sagas
            .hand_over(&mut tx, &execution, &Halt::Retryable { step, failure })
            .await?
        {
            // Another execution has taken the saga over and has made newer commits.
            drop(tx);
            return checkout_answer(self.find_order(cx, order.id).await?);
        }
        if order.status == OrderStatus::Failed {
            tx.commit_part().await?;
            return checkout_answer(order);
        }
        Ok(tx.commit(order.into()).await?)
    }

    /// Answers a call whose order exists already, from an earlier call under the same key: with the order once its saga
    /// has ended, by resuming a due saga, or after waiting for an execution that holds the lease.
    async fn resume_or_wait(
        &self,
        cx: &mut CallContext,
        id: OrderId,
        token: PaymentToken,
    ) -> Result<v1::Order, OrdersError> {
        loop {
            // Ends the call here if the first call has recorded a response.
            let mut tx = self.db.begin(cx).await?;
            let progress = self.sagas.find(&mut tx, &id.to_string(), CHECKOUT.kind).await?;
            let order = store::loading::load_placed(&mut tx, id)
                .await?
                .ok_or(OrdersError::UnknownOrder { id })?;
            let Some(progress) = progress.filter(|progress| !progress.has_ended()) else {
                return match order.status {
                    OrderStatus::Failed => checkout_answer(order),
                    _ => Ok(tx.commit(order.into()).await?),
                };
            };
            if progress.is_due(self.clock.now())
                && let Some(mut execution) = self.sagas.take_over(self, &mut tx, &progress).await?
            {
                tx.commit_part().await?;
                execution.state.token = Some(token);
                return Box::pin(self.run_checkout(cx, execution)).await;
            }
            drop(tx);
            if progress.is_stuck() || cx.time_left() < TIME_TO_ANSWER {
                return checkout_answer(order);
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// The order of a checkout. Fails with `UnknownOrder`.
    pub(crate) async fn find_order(&self, cx: &mut CallContext, id: OrderId) -> Result<Order, OrdersError> {
        let mut read = self.db.read(cx).await?;
        store::loading::load_placed(&mut read, id)
            .await?
            .ok_or(OrdersError::UnknownOrder { id })
    }
}

/// Error of a checkout after a failed read of the cart.
fn from_carts_error(error: CartsError) -> OrdersError {
    match error {
        CartsError::UnknownCart { id } => OrdersError::UnknownCart { id },
        CartsError::CartExpired { id, .. } => OrdersError::CartExpired { id },
        CartsError::Call(failure) => failure.into(),
        other => CallFailure::internal("carts answered with an error that this call does not expect")
            .caused_by(other)
            .into(),
    }
}
