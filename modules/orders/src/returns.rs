//! Cancellations and returns. One commit decides the return and begins its saga ([`return_saga`](crate::return_saga)),
//! which is then carried through. A cancellation returns all remaining units of an order.

use offshoot_contract::{CallContext, fault_point};
use offshoot_db::{CallKey, Tx};
use offshoot_saga::{Definition, Halt};
use orders_api::OrderId;
use orders_api::v1::{self, OrderStatus, OrdersError, OrdersEvent, Return, ReturnedLine};

use crate::checkout::{OrderExecution, POLL_INTERVAL, TIME_TO_ANSWER};
use crate::domain::{Order, returning};
use crate::orders::Orders;
use crate::return_saga::{CANCELLATION, RETURN};
use crate::saga_state::SagaState;
use crate::{events, store};

impl Orders {
    pub(crate) async fn cancel_order(&self, cx: &mut CallContext, id: OrderId) -> Result<v1::Order, OrdersError> {
        let now = self.clock.now();
        let mut tx = self.db.begin(cx).await?;
        let return_count = store::lifecycle::count_returns(&mut tx, id).await?;
        let order = store::loading::load_one(&mut tx, id)
            .await?
            .ok_or(OrdersError::UnknownOrder { id })?;
        let order = returning::require_placed(order)?;
        if order.returns.len() != return_count {
            return Err(OrdersError::OrderBusy { id });
        }
        if order.status == OrderStatus::Cancelled {
            return Ok(tx.commit(order.into()).await?);
        }
        returning::require_confirmed(&order)?;
        if self.sagas.has_open_saga(&mut tx, &id.to_string()).await? {
            return Err(OrdersError::OrderBusy { id });
        }
        let cancellation = returning::new_cancellation(&order, now);
        let execution = self.begin_return(tx, order, cancellation, None).await?;
        self.run_return(cx, execution).await
    }

    pub(crate) async fn return_lines(
        &self,
        cx: &mut CallContext,
        id: OrderId,
        lines: Vec<ReturnedLine>,
    ) -> Result<v1::Order, OrdersError> {
        let key = CallKey::from_context(cx);
        loop {
            let now = self.clock.now();
            // Ends the call here if an earlier call under the same key has recorded a response.
            let mut tx = self.db.begin(cx).await?;
            let return_count = store::lifecycle::count_returns(&mut tx, id).await?;
            let order = store::loading::load_one(&mut tx, id)
                .await?
                .ok_or(OrdersError::UnknownOrder { id })?;
            if order.returns().len() != return_count {
                return Err(OrdersError::OrderBusy { id });
            }
            let existing = match &key {
                Some(key) => store::lifecycle::return_by_key(&mut tx, key).await?,
                None => None,
            };
            let (Some(existing), Some(key)) = (existing, &key) else {
                let order = returning::require_placed(order)?;
                returning::require_confirmed(&order)?;
                if self.sagas.has_open_saga(&mut tx, &id.to_string()).await? {
                    return Err(OrdersError::OrderBusy { id });
                }
                let new_return = returning::new_return(&order, lines, now)?;
                let execution = self.begin_return(tx, order, new_return, key.as_ref()).await?;
                return self.run_return(cx, execution).await;
            };
            // An interrupted call under this key has decided the return.
            let name = saga_name(&RETURN, existing.number_for_same_arguments(key)?);
            let progress = self.sagas.find(&mut tx, &id.to_string(), &name).await?;
            let Some(progress) = progress.filter(|progress| !progress.has_ended()) else {
                return Ok(tx.commit(order.into()).await?);
            };
            if progress.is_due(now)
                && let Some(execution) = self.sagas.take_over(self, &mut tx, &progress).await?
            {
                tx.commit_part().await?;
                return self.run_return(cx, execution).await;
            }
            drop(tx);
            if progress.is_stuck() || cx.time_left() < TIME_TO_ANSWER {
                return Ok(order.into());
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// Commits the return and the intents of its saga. After this commit refund and restock will happen.
    async fn begin_return(
        &self,
        mut tx: Tx<'_>,
        order: Order,
        new_return: Return,
        key: Option<&CallKey>,
    ) -> Result<OrderExecution, OrdersError> {
        let id = order.id;
        let definition = if new_return.cancellation {
            &CANCELLATION
        } else {
            &RETURN
        };
        let name = saga_name(definition, new_return.number);
        let state = SagaState {
            order: returning::with_return(order, new_return.clone()),
            token: None,
            return_number: Some(new_return.number),
        };
        let begun = self
            .sagas
            .begin(&mut tx, definition, &id.to_string(), &name, state)
            .await?;
        let mut execution = begun.ok_or(OrdersError::OrderBusy { id })?;
        let open_steps = execution.open_steps().to_vec();
        let order = &mut execution.state.order;
        order.open_steps = open_steps;
        // Another call may have returned units since the order was read.
        if !store::lifecycle::insert_return(&mut tx, id, &new_return, key).await?
            || !store::lifecycle::apply_return(&mut tx, order, &new_return).await?
        {
            return Err(OrdersError::OrderBusy { id });
        }
        store::revenue::add_credit_entry(&mut tx, order, new_return.refund, new_return.at).await?;
        let event = if new_return.cancellation {
            OrdersEvent::Cancelled
        } else {
            OrdersEvent::Returned
        };
        events::publish_order(&mut tx, event, order, new_return.at).await?;
        tx.commit_part().await?;
        fault_point("return-decided").await;
        Ok(execution)
    }

    async fn run_return(&self, cx: &mut CallContext, mut execution: OrderExecution) -> Result<v1::Order, OrdersError> {
        match Box::pin(self.sagas.run_to_end(self, cx, &mut execution)).await {
            Ok(()) => Ok(execution.state.order.into()),
            Err(Halt::TakenOver) => Ok(self.find_order(cx, execution.state.order.id).await?.into()),
            Err(Halt::Retryable { step, failure }) => self.hand_over(cx, execution, step, failure).await,
        }
    }
}

/// Name of the saga of an order's return.
fn saga_name(definition: &Definition<Orders>, number: u32) -> String {
    format!("{}-{number}", definition.kind)
}
