//! Result of a report query.

use offshoot_contract::{Money, Timestamp};
use orders_api::v1::OrderStatus;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// Rows in the requested order. Ties are sorted by month, country, product and status.
    pub rows: Vec<Row>,
    /// Whether there are more rows than the limit.
    pub more: bool,
    /// All order events published before this time are counted. Absent while the projection is being filled: any order
    /// may still be missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_at: Option<Timestamp>,
}

/// One row of a report. Contains only the requested dimensions and measures.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Row {
    /// Year and month, such as `2011-11`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub month: Option<String>,
    /// Destination country, spelled as in the order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// SKU or charge code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// Status of the orders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<OrderStatus>,
    /// Number of orders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub orders: Option<u64>,
    /// Units sold, less returned units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub units: Option<i64>,
    /// Gross sales.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gross: Option<Money>,
    /// Refunds and credit notes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refunded: Option<Money>,
    /// Gross less refunded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub net: Option<Money>,
}
