//! Version 1 of the notifications' contract.
//!
//! What customers are told of their orders, one notice per turn that an order takes: agreed, failed, cancelled, returned.
//! An order that was only placed is not told of, since it is decided a moment later, and neither is a sale that was made
//! elsewhere: whoever made it tells. This store sends no mail; a notice is what would be sent.

use async_trait::async_trait;
use offshoot_contract::{CallContext, CallFailure, ContractError, Page, Timestamp, contract};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use orders_api::OrderId;

/// What customers are told.
#[contract(name = "notifications", version = "1.0", callers = ["public", "replay"])]
#[async_trait]
pub trait NotificationsApi: Send + Sync + 'static {
    /// The notices of an order, or of all, in the order in which they were written. Fails with `BadPageToken`.
    #[get("/notices")]
    async fn notices(
        &self,
        cx: &mut CallContext,
        order_id: Option<OrderId>,
        page_size: Option<u32>,
        page_token: Option<String>,
    ) -> Result<Page<Notice>, NotificationsError>;
}

/// Something that a customer is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Notice {
    /// Rises, not without gaps. Those of one order stand in the order in which things happened to it.
    pub number: u64,
    /// Whose order it is about.
    pub order_id: OrderId,
    /// An e-mail address.
    pub recipient: String,
    /// What is told, in one line.
    pub subject: String,
    /// When it came about.
    pub at: Timestamp,
    /// The event's place in the orders' log.
    pub position: i64,
    /// The event's key: what is told of one key is told in order.
    pub key: String,
}

/// What the notifications answer instead.
#[derive(Debug, Clone, PartialEq, thiserror::Error, ContractError)]
pub enum NotificationsError {
    /// A page token that this list did not give.
    #[error("the page token is not one of this list: start again without it")]
    #[problem(status = 422, code = "bad-page-token")]
    BadPageToken,
    /// Not the notifications' own answer.
    #[error(transparent)]
    Call(#[from] CallFailure),
}
