//! The contract: one small item, or a list of items. Every contestant serves the same values, as JSON or Protobuf.

use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use offshoot_contract::{CallContext, CallFailure, ContractError, Page, contract};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Items per list.
pub(crate) const LIST_LENGTH: u32 = 20;

/// An item as large as a product of the store: some 300 bytes of JSON.
#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema, prost::Message)]
pub(crate) struct Item {
    #[prost(string, tag = "1")]
    pub(crate) id: String,
    #[prost(string, tag = "2")]
    pub(crate) sku: String,
    #[prost(string, tag = "3")]
    pub(crate) name: String,
    #[prost(string, tag = "4")]
    pub(crate) description: String,
    #[prost(string, tag = "5")]
    pub(crate) category: String,
    #[prost(int64, tag = "6")]
    pub(crate) price: i64,
    #[prost(uint32, tag = "7")]
    pub(crate) version: u32,
    #[prost(string, tag = "8")]
    pub(crate) created_at: String,
    #[prost(string, tag = "9")]
    pub(crate) updated_at: String,
}

/// Two safe methods.
#[contract(name = "items", version = "1.0")]
#[async_trait]
pub(crate) trait ItemsApi: Send + Sync + 'static {
    /// Returns one item.
    #[get("/items/{id}")]
    async fn item(&self, cx: &mut CallContext, id: String) -> Result<Item, ItemsError>;

    /// Returns the first items.
    #[get("/items")]
    async fn items(&self, cx: &mut CallContext, page_size: u32) -> Result<Page<Item>, ItemsError>;
}

/// The contract has no errors of its own, because every id exists.
#[derive(Debug, Clone, PartialEq, thiserror::Error, ContractError)]
pub(crate) enum ItemsError {
    /// A failed call.
    #[error(transparent)]
    Call(#[from] CallFailure),
}

/// Serves items from memory.
pub(crate) struct Items;

#[async_trait]
impl ItemsApi for Items {
    async fn item(&self, _: &mut CallContext, id: String) -> Result<Item, ItemsError> {
        Ok(item(id))
    }

    async fn items(&self, _: &mut CallContext, page_size: u32) -> Result<Page<Item>, ItemsError> {
        Ok(page(page_size))
    }
}

pub(crate) fn item(id: String) -> Item {
    static MODEL: LazyLock<Arc<Item>> = LazyLock::new(|| {
        Arc::new(Item {
            id: String::new(),
            sku: "85123A".to_owned(),
            name: "WHITE HANGING HEART T-LIGHT HOLDER".to_owned(),
            description: "Holds one tea light. The light is not included.".to_owned(),
            category: "lighting".to_owned(),
            price: 25_500,
            version: 3,
            created_at: "2010-12-01T08:26:00.000000Z".to_owned(),
            updated_at: "2011-10-31T14:41:00.000000Z".to_owned(),
        })
    });
    Item {
        id,
        ..Item::clone(&MODEL)
    }
}

pub(crate) fn items(count: u32) -> Vec<Item> {
    (0..count).map(|number| item(number.to_string())).collect()
}

pub(crate) fn page(count: u32) -> Page<Item> {
    Page {
        items: items(count),
        next_page_token: None,
    }
}
