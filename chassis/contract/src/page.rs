//! Lists come in pages.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Page<T> {
    /// The items, at most as many as were asked for.
    pub items: Vec<T>,
    /// Asks for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// How many items a page has.
#[derive(Debug)]
pub struct PageSize;

impl PageSize {
    /// Items per page where the request does not say.
    pub const DEFAULT: u32 = 20;
    /// Most items per page; more are asked for in vain.
    pub const MAX: u32 = 100;

    /// The number of items to answer: the default, or what was asked for up to the maximum.
    #[must_use]
    pub fn of(page_size: Option<u32>) -> u32 {
        page_size.unwrap_or(Self::DEFAULT).clamp(1, Self::MAX)
    }
}

impl<T> Page<T> {
    /// The same page of other items.
    pub fn map<U>(self, each: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(each).collect(),
            next_page_token: self.next_page_token,
        }
    }
}
