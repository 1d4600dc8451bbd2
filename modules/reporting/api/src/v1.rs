//! Version 1 of the reporting's contract.
//!
//! What was sold, asked in any division. The answers come from a copy of the orders that is kept for this, so that no
//! question, however wide, is a burden on those who sell. A copy may be a little old: each answer says how old.
//!
//! What came back counts where its order was placed: in the month of the order, not of its return. In that the reports
//! differ from the orders' own revenue, which knows the time of each return. The whole is the same.

// What is asked, and what is answered.
mod question;
mod report;

use async_trait::async_trait;
use offshoot_contract::{CallContext, CallFailure, ContractError, contract};

pub use self::question::{Dimension, MAX_ROWS, Measure, Question, ROWS, SortBy};
pub use self::report::{Report, Row};
pub use orders_api::v1::OrderStatus;

/// What was sold.
#[contract(name = "reporting", version = "1.0", callers = ["public"])]
#[async_trait]
pub trait ReportingApi: Send + Sync + 'static {
    /// Answers a question. Fails with `InvalidQuestion`.
    #[post("/reports", safe)]
    async fn query(&self, cx: &mut CallContext, question: Question) -> Result<Report, ReportingError>;
}

/// What the reporting answers instead.
#[derive(Debug, Clone, PartialEq, thiserror::Error, ContractError)]
pub enum ReportingError {
    /// The question makes no sense.
    #[error("{field}: {reason}")]
    #[problem(status = 422, code = "invalid-question")]
    InvalidQuestion {
        /// The field.
        field: String,
        /// What is wrong with it and what would be right.
        reason: String,
    },
    /// Not the reporting's own answer.
    #[error(transparent)]
    Call(#[from] CallFailure),
}
