//! Sales that were made elsewhere, and what all sales come to.

use catalog_api::ProductId;
use offshoot_contract::{Money, Scalar, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::OrderId;

/// An invoice or a credit note of another system.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Sale {
    /// Its number there; stands for it for ever. 1 to [`MAX_NUMBER_BYTES`](super::MAX_NUMBER_BYTES) bytes of printable ASCII.
    pub number: String,
    /// Which of the two it is.
    pub kind: SaleKind,
    /// The customer's number there; empty where nobody knows. At most [`MAX_NAME_CHARS`](super::MAX_NAME_CHARS) characters.
    pub customer: String,
    /// 1 to [`MAX_NAME_CHARS`](super::MAX_NAME_CHARS) characters.
    pub country: String,
    /// When it was made; not in the future.
    pub at: Timestamp,
    /// At least one, all in one currency.
    pub lines: Vec<SaleLine>,
}

/// Whether goods went or money came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SaleKind {
    /// An invoice: quantities above zero.
    Sale,
    /// A credit note: quantities below zero.
    CreditNote,
}

/// One line of a sale.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SaleLine {
    /// The product, if the line is about one that the catalog has.
    pub product_id: Option<ProductId>,
    /// Its SKU, or the code of a charge or service. 1 to 64 bytes.
    pub sku: String,
    /// At most 200 characters; may be empty.
    pub name: String,
    /// Units; the sign is that of the kind.
    pub quantity: i64,
    /// Of one, not below zero.
    pub unit_price: Money,
}

/// What became of one sale.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum SaleOutcome {
    /// It is recorded now.
    Recorded {
        /// The order that it became.
        id: OrderId,
    },
    /// It was recorded before.
    Known {
        /// The order that it became.
        id: OrderId,
    },
    /// The number stands for a sale with another total.
    Differs {
        /// The order that has the number.
        id: OrderId,
    },
    /// It is not acceptable.
    Rejected {
        /// The field, such as `lines[3].quantity`.
        field: String,
        /// What is wrong with it and what would be right.
        reason: String,
    },
}

/// How revenue is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RevenueBy {
    /// By calendar month, UTC.
    Month,
    /// By the country that orders and sales name.
    Country,
}

impl Scalar for RevenueBy {}

/// What all sales come to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Revenue {
    /// By month, or by country in the order of its name; then by currency.
    pub rows: Vec<RevenueRow>,
    /// The sum of the rows, one per currency.
    pub totals: Vec<RevenueRow>,
}

/// Revenue of one month or country in one currency.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RevenueRow {
    /// `2011-08`, or a country's name; `total` in the totals.
    pub key: String,
    /// Orders and sales less what was given back.
    pub net: Money,
    /// Orders and sales.
    pub gross: Money,
    /// What was given back, negative.
    pub credit: Money,
    /// How many orders and sales.
    pub sales: u64,
    /// How many returns, cancellations and credit notes.
    pub credits: u64,
}
