//! What a saga of the orders works on, and what of it is kept in the log. Knows no step and no call.

use async_trait::async_trait;
use offshoot_contract::CallFailure;
use offshoot_db::Tx;
use offshoot_saga::Owner;
use orders_api::OrderId;
use orders_api::v1::{FailureReason, Order, Return};
use payments_api::v1::PaymentToken;
use serde::{Deserialize, Serialize};

use crate::{Orders, store};

/// A step of a saga of the orders.
pub(crate) type Step = offshoot_saga::Step<Orders>;

/// An order, as its execution has it at hand.
#[derive(Clone)]
pub struct Work {
    pub(crate) order: Order,
    /// Only the call that brings it has it: it is kept nowhere.
    pub(crate) token: Option<PaymentToken>,
    /// The return that this is about, by its number.
    pub(crate) number: Option<u32>,
}

impl Work {
    /// The return that this is about.
    pub(crate) fn back(&self) -> Option<&Return> {
        let returns = self.order.returns.iter();
        returns.into_iter().find(|back| Some(back.number) == self.number)
    }
}

/// What stands in the log. The order itself is a row beside it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Data {
    #[serde(rename = "return", default, skip_serializing_if = "Option::is_none")]
    number: Option<u32>,
}

#[async_trait]
impl Owner for Orders {
    type Work = Work;
    type Data = Data;
    type Reason = FailureReason;
    type Answer = Order;

    fn data(work: &Work) -> Data {
        Data { number: work.number }
    }

    async fn load(&self, tx: &mut Tx<'_>, subject: &str, data: Data) -> Result<Work, CallFailure> {
        let id: OrderId = subject.parse().map_err(|error| {
            CallFailure::internal(format!("a saga about {subject}, which is no order")).caused_by(error)
        })?;
        let order = store::one(tx, id).await?;
        Ok(Work {
            order: order.ok_or_else(|| CallFailure::internal(format!("a saga about {id}, which is not there")))?,
            token: None,
            number: data.number,
        })
    }

    fn answer(work: &Work) -> &Order {
        &work.order
    }

    fn interrupted() -> FailureReason {
        FailureReason::Interrupted
    }
}
