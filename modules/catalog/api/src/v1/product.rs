//! What the catalog's methods take and give.

use offshoot_contract::{Money, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ProductId;

/// A product as it is now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Product {
    /// Given by the catalog.
    pub id: ProductId,
    /// The store's own number, unique and case-sensitive.
    pub sku: String,
    /// What it is called.
    pub name: String,
    /// May be empty.
    pub description: String,
    /// Lower-case ASCII letters, digits and hyphens.
    pub category: String,
    /// The price of one unit.
    pub price: Money,
    /// Whether it is sold.
    pub status: ProductStatus,
    /// Rises with each change of name, description, category, price or status.
    pub version: u32,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// Whether a product is sold. A new case would be a new major version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProductStatus {
    /// Can be bought.
    Active,
    /// Can be looked at, not bought.
    Discontinued,
}

/// A product to be added. No text may hold a NUL character.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NewProduct {
    /// 1 to 64 bytes without white space at its ends.
    pub sku: String,
    /// 1 to 200 characters.
    pub name: String,
    /// At most 4,000 characters.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// 1 to 40 lower-case ASCII letters, digits and hyphens.
    pub category: String,
    /// Above zero.
    pub price: Money,
    /// Since when the price holds; now, if it is absent. Not in the future.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_since: Option<Timestamp>,
}

/// What is to change; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProductChanges {
    /// 1 to 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// At most 4,000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// 1 to 40 lower-case ASCII letters, digits and hyphens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
}

/// What became of one product of a bulk call. A new case would be a new major version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum AddOutcome {
    /// It is for sale now.
    Added {
        /// Its id.
        id: ProductId,
    },
    /// The SKU was there already; nothing was changed.
    Exists {
        /// The id of the product that has it.
        id: ProductId,
    },
    /// Not acceptable; nothing was written for it.
    Rejected {
        /// The field's name.
        field: String,
        /// What is wrong with it and what would be right.
        reason: String,
    },
}

/// A price and the time from which it held.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PricePoint {
    /// The price of one unit.
    pub price: Money,
    /// From when it held.
    pub since: Timestamp,
}

/// A price of the past to be recorded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PriceChange {
    /// The product's SKU.
    pub sku: String,
    /// Above zero.
    pub price: Money,
    /// From when it held. Not in the future.
    pub since: Timestamp,
}

/// What became of one price of a bulk call. A new case would be a new major version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum PriceOutcome {
    /// It is in the history.
    Recorded,
    /// No product has the SKU.
    UnknownSku,
    /// Not acceptable; nothing was written for it.
    Rejected {
        /// The field's name.
        field: String,
        /// What is wrong with it and what would be right.
        reason: String,
    },
}
