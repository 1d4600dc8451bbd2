//! Query of a report: dimensions, measures, filters, sort order and limit.

use offshoot_contract::{Currency, Timestamp};
use orders_api::v1::OrderStatus;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Maximum number of dimensions of a report.
pub const MAX_DIMENSIONS: usize = 3;
/// Default number of rows of a report.
pub const DEFAULT_ROWS: u32 = 100;
/// Maximum number of rows of a report.
pub const MAX_ROWS: u32 = 1_000;

/// Query of a report: the measures to compute, the dimensions to group by, and filters on orders.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// Dimensions to group by, at most three, each once. The report has one row per existing combination of values.
    /// Without dimensions the report has one row, or no row if no order matches.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = MAX_DIMENSIONS), extend("uniqueItems" = true))]
    pub dimensions: Vec<Dimension>,
    /// Measures of each row, at least one, each once.
    #[schemars(length(min = 1), extend("uniqueItems" = true))]
    pub measures: Vec<Measure>,
    /// Only orders in this currency, so that no sum mixes currencies.
    pub currency: Currency,
    /// Only orders placed at this time or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// Only orders placed before this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Timestamp>,
    /// Only orders from this country, spelled as in the order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// Only lines with this SKU or charge code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sku: Option<String>,
    /// Only orders with this status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<OrderStatus>,
    /// Sort column: one of the requested dimensions or measures. Without a sort column, rows are sorted by the
    /// dimensions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort_by: Option<SortBy>,
    /// Sorts in descending order.
    #[serde(default)]
    pub descending: bool,
    /// Maximum number of rows, 1 to 1,000; 100 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = MAX_ROWS))]
    pub limit: Option<u32>,
}

/// Dimension to group orders by. A new variant needs a new major version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Dimension {
    /// Year and month in which the order was placed, UTC.
    Month,
    /// Destination country, spelled as in the order.
    Country,
    /// SKU or charge code.
    Product,
    /// Status of the order.
    Status,
}

/// Measure to compute. A new variant needs a new major version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// Number of orders and external sales in any status, without credit notes. Grouped by product, an order counts
    /// once for each of the products.
    Orders,
    /// Units sold, less returned units.
    Units,
    /// Line totals of external sales, and of orders that are or were confirmed.
    Gross,
    /// Refunded part of `Gross`, and credit notes.
    Refunded,
    /// `Gross` less `Refunded`.
    Net,
}

/// Sort column of a report. A new variant needs a new major version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SortBy {
    /// Dimension `Month`.
    Month,
    /// Dimension `Country`.
    Country,
    /// Dimension `Product`.
    Product,
    /// Dimension `Status`.
    Status,
    /// Measure `Orders`.
    Orders,
    /// Measure `Units`.
    Units,
    /// Measure `Gross`.
    Gross,
    /// Measure `Refunded`.
    Refunded,
    /// Measure `Net`.
    Net,
}
