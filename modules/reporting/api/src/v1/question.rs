//! What can be asked.

use offshoot_contract::{Currency, Timestamp};
use orders_api::v1::OrderStatus;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Rows of a report where the question does not say.
pub const ROWS: u32 = 100;
/// Most rows of a report.
pub const MAX_ROWS: u32 = 1_000;

/// What is to be counted, of which orders, and how it is to be divided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// One row for each combination of their values that there is: at most three, each once. None: one row, or none at all
    /// where there is nothing to count.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dimensions: Vec<Dimension>,
    /// What each row says: at least one, each once.
    pub measures: Vec<Measure>,
    /// Orders in this currency; no sum mixes two.
    pub currency: Currency,
    /// Orders placed then or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// Orders placed before then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Timestamp>,
    /// Orders from this country, as it was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// Lines of this product, by its SKU or the code of a charge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sku: Option<String>,
    /// Orders that stand there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<OrderStatus>,
    /// What comes first: one of the dimensions or measures that are asked for. By the dimensions, if it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort_by: Option<SortBy>,
    /// The largest first.
    #[serde(default)]
    pub descending: bool,
    /// At most so many rows, up to [`MAX_ROWS`]; [`ROWS`], if it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// How orders are divided. A new case would be a new major version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Dimension {
    /// When they were placed, UTC.
    Month,
    /// Where they go, as it was given.
    Country,
    /// What was sold: the SKU, or the code of a charge.
    Product,
    /// Where they stand.
    Status,
}

/// What is counted. A new case would be a new major version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// Orders and sales, whatever became of them. Credit notes are none. One that has several products counts for each.
    Orders,
    /// Units that were agreed on and did not come back.
    Units,
    /// What was agreed on: the lines of orders that are confirmed or were, and of sales elsewhere.
    Gross,
    /// What of that was given back, and credit notes.
    Refunded,
    /// `Gross` less `Refunded`.
    Net,
}

/// What rows are sorted by. A new case would be a new major version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SortBy {
    /// The dimension.
    Month,
    /// The dimension.
    Country,
    /// The dimension.
    Product,
    /// The dimension.
    Status,
    /// The measure.
    Orders,
    /// The measure.
    Units,
    /// The measure.
    Gross,
    /// The measure.
    Refunded,
    /// The measure.
    Net,
}
