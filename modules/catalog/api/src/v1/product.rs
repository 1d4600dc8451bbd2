//! Request and response types of the catalog contract.

use offshoot_contract::{Money, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{MAX_CATEGORY_CHARS, MAX_DESCRIPTION_CHARS, MAX_NAME_CHARS, MAX_SKU_BYTES, ProductId};

/// Current state of a product.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Product {
    /// Id, assigned by the catalog.
    pub id: ProductId,
    /// Stock keeping unit: the store's own product number, unique and case-sensitive.
    pub sku: String,
    /// Display name.
    pub name: String,
    /// Free text, may be empty.
    pub description: String,
    /// Category: lower-case ASCII letters, digits and hyphens.
    pub category: String,
    /// Price of one unit.
    pub price: Money,
    /// Whether the product is sold.
    pub status: ProductStatus,
    /// Rises with each change of name, description, category, price or status.
    pub version: u32,
    /// Time of creation.
    pub created_at: Timestamp,
    /// Time of the last change.
    pub updated_at: Timestamp,
}

offshoot_contract::named! {
    /// Whether a product is sold. A new variant needs a new major version.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
    pub enum ProductStatus {
        /// The product can be bought.
        Active = "active",
        /// The product can be viewed but not bought.
        Discontinued = "discontinued",
    }
}

/// A product to add. No text may contain a NUL character.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NewProduct {
    /// Stock keeping unit: 1 to 64 bytes of UTF-8, without leading or trailing white space.
    #[schemars(length(min = 1, max = MAX_SKU_BYTES))]
    pub sku: String,
    /// Display name: 1 to 200 characters.
    #[schemars(length(min = 1, max = MAX_NAME_CHARS))]
    pub name: String,
    /// Description: at most 4,000 characters.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = MAX_DESCRIPTION_CHARS))]
    pub description: String,
    /// Category: 1 to 40 lower-case ASCII letters, digits and hyphens.
    #[schemars(length(min = 1, max = MAX_CATEGORY_CHARS))]
    pub category: String,
    /// Price of one unit, above zero.
    pub price: Money,
    /// Start time of the price, not in the future. Defaults to the current time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_since: Option<Timestamp>,
}

/// Fields to change. Absent fields keep their values.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProductChanges {
    /// Display name: 1 to 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = MAX_NAME_CHARS))]
    pub name: Option<String>,
    /// Description: at most 4,000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = MAX_DESCRIPTION_CHARS))]
    pub description: Option<String>,
    /// Category: 1 to 40 lower-case ASCII letters, digits and hyphens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = MAX_CATEGORY_CHARS))]
    pub category: Option<String>,
}

/// Outcome of one product of a bulk call. A new variant needs a new major version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum AddOutcome {
    /// The product was added.
    Added {
        /// Id of the new product.
        id: ProductId,
    },
    /// The SKU exists already; nothing was changed.
    Exists {
        /// Id of the existing product.
        id: ProductId,
    },
    /// The item is invalid; nothing was written.
    Rejected {
        /// Name of the invalid field.
        field: String,
        /// Why the value is invalid and which values are valid.
        reason: String,
    },
}

/// A price of a product with its start time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PricePoint {
    /// Price of one unit.
    pub price: Money,
    /// Start time of the price.
    pub since: Timestamp,
}

/// A historical price to record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PriceChange {
    /// The product's SKU.
    #[schemars(length(min = 1, max = MAX_SKU_BYTES))]
    pub sku: String,
    /// Price of one unit, above zero.
    pub price: Money,
    /// Start time of the price, not in the future.
    pub since: Timestamp,
}

/// Outcome of one price of a bulk call. A new variant needs a new major version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum PriceOutcome {
    /// The price is in the history.
    Recorded,
    /// No product has the SKU.
    UnknownSku,
    /// The item is invalid; nothing was written.
    Rejected {
        /// Name of the invalid field.
        field: String,
        /// Why the value is invalid and which values are valid.
        reason: String,
    },
}
