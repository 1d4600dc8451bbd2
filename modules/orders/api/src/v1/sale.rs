//! Recorded sales of other systems, and revenue.

use catalog_api::ProductId;
use catalog_api::v1::MAX_SKU_BYTES;
use offshoot_contract::{Money, Scalar, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{MAX_NAME_CHARS, MAX_NUMBER_BYTES, MAX_SALE_LINES};
use crate::OrderId;

/// An invoice or a credit note of another system.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Sale {
    /// Number in the other system, which identifies the sale for ever: 1 to 64 bytes of printable ASCII without blanks.
    #[schemars(length(min = 1, max = MAX_NUMBER_BYTES))]
    pub number: String,
    /// Invoice or credit note.
    pub kind: SaleKind,
    /// Customer number in the other system, at most 100 characters; empty if unknown.
    #[schemars(length(max = MAX_NAME_CHARS))]
    pub customer: String,
    /// Country, 1 to 100 characters.
    #[schemars(length(min = 1, max = MAX_NAME_CHARS))]
    pub country: String,
    /// Time of the sale; not in the future.
    pub at: Timestamp,
    /// Lines: at least one, all in one currency.
    #[schemars(length(min = 1, max = MAX_SALE_LINES))]
    pub lines: Vec<SaleLine>,
}

/// Kind of a recorded sale.
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
    /// The product, if the catalog has it.
    pub product_id: Option<ProductId>,
    /// SKU of the product, or code of a charge or service. 1 to 64 bytes.
    #[schemars(length(min = 1, max = MAX_SKU_BYTES))]
    pub sku: String,
    /// Name of the product, at most 200 characters; may be empty.
    #[schemars(length(max = catalog_api::v1::MAX_NAME_CHARS))]
    pub name: String,
    /// Units: above zero for an invoice, below zero for a credit note.
    pub quantity: i64,
    /// Price of one unit, not below zero.
    pub unit_price: Money,
}

/// Outcome of recording one sale.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum SaleOutcome {
    /// The call has recorded the sale.
    Recorded {
        /// The order of the sale.
        id: OrderId,
    },
    /// An earlier call has recorded the sale.
    Known {
        /// The order of the sale.
        id: OrderId,
    },
    /// The number belongs to a sale with another total.
    Differs {
        /// The order that has the number.
        id: OrderId,
    },
    /// The sale is invalid.
    Rejected {
        /// Name of the field, such as `lines[3].quantity`.
        field: String,
        /// Why the value is invalid, and which values are valid.
        reason: String,
    },
}

/// Grouping of revenue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RevenueBy {
    /// By calendar month, UTC.
    Month,
    /// By the country of orders and sales.
    Country,
}

impl Scalar for RevenueBy {}

/// Revenue, grouped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Revenue {
    /// Rows sorted by month or by country name, then by currency.
    pub rows: Vec<RevenueRow>,
    /// Sums of the rows, one per currency.
    pub totals: Vec<RevenueRow>,
}

/// Revenue of one month or country in one currency.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RevenueRow {
    /// Month, such as `2011-08`, or country name; `total` in the totals.
    pub key: String,
    /// Gross revenue less credits.
    pub net: Money,
    /// Total of orders and sales.
    pub gross: Money,
    /// Total of returns, cancellations and credit notes; negative.
    pub credit: Money,
    /// Number of orders and sales.
    pub sales: u64,
    /// Number of returns, cancellations and credit notes.
    pub credits: u64,
}
