//! Version 1 of the reporting contract: sales reports, grouped by chosen dimensions.
//!
//! Reports are computed from a projection of the orders, so that expensive queries do not slow down the orders module.
//! The projection may lag behind: each report states how current the data is.
//!
//! A return counts in the month in which the order was placed, not in the month of the return. The revenue of the
//! orders contract counts each return at the time of the return instead. The overall totals are equal.

// Query and result types.
mod question;
mod report;

use async_trait::async_trait;
use offshoot_contract::{CallContext, CallFailure, ContractError, contract};

pub use self::question::{DEFAULT_ROWS, Dimension, MAX_DIMENSIONS, MAX_ROWS, Measure, Question, SortBy};
pub use self::report::{Report, Row};
pub use orders_api::v1::OrderStatus;

/// Sales reports.
#[contract(name = "reporting", version = "1.0")]
#[async_trait]
pub trait ReportingApi: Send + Sync + 'static {
    /// Computes a report. Fails with `InvalidQuestion`.
    #[post("/reports", safe)]
    async fn query(&self, cx: &mut CallContext, question: Question) -> Result<Report, ReportingError>;
}

/// Errors of the reporting module.
#[derive(Debug, Clone, PartialEq, thiserror::Error, ContractError)]
pub enum ReportingError {
    /// A field of the question is invalid.
    #[error("{field}: {reason}")]
    #[problem(status = 422, code = "invalid-question")]
    InvalidQuestion {
        /// Name of the invalid field.
        field: String,
        /// Why the value is invalid and which values are valid.
        reason: String,
    },
    /// The call failed outside the reporting module's own rules.
    #[error(transparent)]
    Call(#[from] CallFailure),
}
