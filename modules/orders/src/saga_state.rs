//! State of an order's saga, in memory and in the log. Knows no step and no call.

use async_trait::async_trait;
use offshoot_contract::CallFailure;
use offshoot_db::Tx;
use offshoot_saga::SagaModule;
use orders_api::OrderId;
use orders_api::v1::{self, FailureReason, Return};
use payments_api::v1::PaymentToken;
use serde::{Deserialize, Serialize};

use crate::domain::Order;
use crate::orders::Orders;
use crate::store;

/// A step of an order's saga.
pub(crate) type Step = offshoot_saga::Step<Orders>;

/// In-memory state of one execution.
#[derive(Clone)]
pub struct SagaState {
    pub(crate) order: Order,
    /// Present only in an execution by a call that brings the token. Stored nowhere.
    pub(crate) token: Option<PaymentToken>,
    /// Number of the return that the saga carries out; None for a checkout.
    pub(crate) return_number: Option<u32>,
}

impl SagaState {
    /// The return that the saga carries out.
    pub(crate) fn current_return(&self) -> Option<&Return> {
        let mut returns = self.order.returns.iter();
        returns.find(|each| Some(each.number) == self.return_number)
    }
}

/// The part of the state that the log holds. The order itself is a row of its own.
#[derive(Debug, Serialize, Deserialize)]
pub struct StoredSagaState {
    #[serde(rename = "return", default, skip_serializing_if = "Option::is_none")]
    return_number: Option<u32>,
}

#[async_trait]
impl SagaModule for Orders {
    type State = SagaState;
    type StoredState = StoredSagaState;
    type Reason = FailureReason;
    type Answer = v1::Order;

    fn to_stored(state: &SagaState) -> StoredSagaState {
        StoredSagaState {
            return_number: state.return_number,
        }
    }

    async fn load(&self, tx: &mut Tx<'_>, subject: &str, stored: StoredSagaState) -> Result<SagaState, CallFailure> {
        let id: OrderId = subject.parse().map_err(|error| {
            CallFailure::internal(format!("the subject {subject} of a saga is not a valid order id")).caused_by(error)
        })?;
        let order = store::loading::load_placed(tx, id).await?;
        Ok(SagaState {
            order: order.ok_or_else(|| CallFailure::internal(format!("order {id} of a saga does not exist")))?,
            token: None,
            return_number: stored.return_number,
        })
    }

    fn answer(state: &SagaState) -> v1::Order {
        state.order.clone().into()
    }

    fn interrupted() -> FailureReason {
        FailureReason::Interrupted
    }
}
