//! Version 1 of the notifications contract: notices to customers.
//!
//! Notices tell customers about their orders: one notice each for confirmation, failure, cancellation and return. A
//! newly placed order has none, because the outcome follows a moment later; an imported sale has none, because the
//! other system has informed the customer. The store sends no mail; a notice is the text to send.

use async_trait::async_trait;
use offshoot_contract::{CallContext, CallFailure, ContractError, Page, PageSize, Timestamp, contract, page_token};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use orders_api::OrderId;

/// Notices to customers about their orders.
#[contract(name = "notifications", version = "1.0")]
#[async_trait]
pub trait NotificationsApi: Send + Sync + 'static {
    /// The notices of one order, or of all orders, in the order of writing. Fails with `BadPageToken`.
    #[get("/notices")]
    async fn notices(
        &self,
        cx: &mut CallContext,
        order_id: Option<OrderId>,
        #[schemars(range(min = 1, max = PageSize::MAX))] page_size: Option<u32>,
        #[schemars(length(max = page_token::MAX_TOKEN_CHARS))] page_token: Option<String>,
    ) -> Result<Page<Notice>, NotificationsError>;
}

/// A notice to a customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Notice {
    /// Number of the notice. Rises with gaps; a later event of an order has a higher number.
    pub number: u64,
    /// The order.
    pub order_id: OrderId,
    /// An e-mail address.
    pub recipient: String,
    /// One line of text.
    pub subject: String,
    /// Time of the event.
    pub at: Timestamp,
    /// Position of the event in the log of the orders module.
    pub position: i64,
    /// Key of the event. Events with the same key arrive in order.
    pub key: String,
}

/// Errors of the notifications.
#[derive(Debug, Clone, PartialEq, thiserror::Error, ContractError)]
pub enum NotificationsError {
    /// The page token was not issued for this list.
    #[error("{}", page_token::InvalidPageToken)]
    #[problem(status = 422, code = "bad-page-token")]
    BadPageToken,
    /// A failure of the call, not an answer of the module.
    #[error(transparent)]
    Call(#[from] CallFailure),
}
