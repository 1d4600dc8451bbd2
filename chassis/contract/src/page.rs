//! Pagination of lists: a page of items and the page size.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "PageOf{T}")]
pub struct Page<T> {
    /// The items of the page, at most the requested number.
    pub items: Vec<T>,
    /// Token for requesting the next page; absent on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// Limits of the page size.
#[derive(Debug)]
pub struct PageSize;

impl PageSize {
    /// Items per page if the request does not specify a size.
    pub const DEFAULT: u32 = 20;
    /// Maximum number of items per page; larger requests are reduced to this number.
    pub const MAX: u32 = 100;

    /// The effective page size: the requested size clamped to 1 to [`MAX`](Self::MAX), or the default.
    #[must_use]
    pub fn resolve(page_size: Option<u32>) -> u32 {
        page_size.unwrap_or(Self::DEFAULT).clamp(1, Self::MAX)
    }
}

impl<T> Page<T> {
    /// The page of a list without items.
    #[must_use]
    pub const fn empty() -> Self {
        Self {
            items: Vec::new(),
            next_page_token: None,
        }
    }

    /// Converts every item; the token stays the same.
    pub fn map<U>(self, each: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(each).collect(),
            next_page_token: self.next_page_token,
        }
    }
}
