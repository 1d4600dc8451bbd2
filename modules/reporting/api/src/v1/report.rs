//! What is answered.

use offshoot_contract::{Money, Timestamp};
use orders_api::v1::OrderStatus;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The answer to a question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// In the order asked for, and where that leaves a choice by month, country, product and status.
    pub rows: Vec<Row>,
    /// There are more rows than were asked for.
    pub more: bool,
    /// What the orders announced before is counted. Absent while the copy is being filled: it may still lack anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_at: Option<Timestamp>,
}

/// One row: the dimensions and measures that were asked for, and no others.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Row {
    /// Such as `2011-11`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub month: Option<String>,
    /// As it was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// A SKU, or the code of a charge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// Where the orders stand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<OrderStatus>,
    /// How many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub orders: Option<u64>,
    /// Units, less those that came back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub units: Option<i64>,
    /// What was agreed on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gross: Option<Money>,
    /// What of that was given back, and credit notes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refunded: Option<Money>,
    /// The difference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub net: Option<Money>,
}
