//! Product lists: the filter of a list, the position of a product, and page tokens. Must not know the database.

use catalog_api::v1::CatalogError;
use offshoot_contract::page_token;

use crate::{search, validation};

/// Filter of a product list: all products, or those that match a search, a category, or both.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Listing {
    /// Words as returned by [`search::words`].
    pub(crate) words: Option<String>,
    pub(crate) category: Option<String>,
}

/// Sort key of a product in a list. Compared from the first field to the last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ListPosition {
    /// Match tier of the search, 0 is the best; 0 without a search.
    pub(crate) tier: i64,
    /// Length of the name's words, characters; 0 without a search.
    pub(crate) name_length: i64,
    pub(crate) sku: String,
}

impl Listing {
    /// Builds the filter from request parameters. Fails with `InvalidSearch`.
    pub(crate) fn from_request(search: Option<&str>, category: Option<String>) -> Result<Self, CatalogError> {
        let words = search.map(search::words_of_search).transpose()?;
        Ok(Self { words, category })
    }

    /// Whether the category name is invalid, so that no product can match. Such a name must not reach the database:
    /// it may not be storable.
    pub(crate) fn is_always_empty(&self) -> bool {
        self.category
            .as_deref()
            .is_some_and(|category| !validation::is_category(category))
    }

    /// Position after which the requested page begins. Fails with `BadPageToken`.
    pub(crate) fn position_after(&self, token: Option<&str>) -> Result<ListPosition, CatalogError> {
        page_token::position_after(&self.token_scope(), token, ListPosition::from_token_key)
            .map(|position| position.unwrap_or_else(ListPosition::start))
            .map_err(|_| CatalogError::BadPageToken)
    }

    /// Page token for the page after `position`.
    pub(crate) fn token_after(&self, position: &ListPosition) -> String {
        let ListPosition { tier, name_length, sku } = position;
        page_token::encode(&self.token_scope(), &format!("{tier} {name_length} {sku}"))
    }

    /// The list a token is bound to. The texts for an absent search or category are not valid values of either.
    fn token_scope(&self) -> [&str; 3] {
        [
            "products",
            self.words.as_deref().unwrap_or(""),
            self.category.as_deref().unwrap_or("*"),
        ]
    }
}

impl ListPosition {
    fn start() -> Self {
        Self {
            tier: -1,
            name_length: 0,
            sku: String::new(),
        }
    }

    fn from_token_key(key: &str) -> Option<Self> {
        let mut parts = key.splitn(3, ' ');
        Some(Self {
            tier: parts.next()?.parse().ok()?,
            name_length: parts.next()?.parse().ok()?,
            sku: parts.next()?.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_restores_its_position_and_is_rejected_by_other_lists() {
        let listing = |search, category: Option<&str>| {
            Listing::from_request(search, category.map(str::to_owned)).expect("the search has a word")
        };
        let position = ListPosition {
            tier: 2,
            name_length: 19,
            sku: "gift voucher 1".to_owned(),
        };
        let red = listing(Some("Red"), None);
        let token = red.token_after(&position);
        assert_eq!(red.position_after(Some(&token)), Ok(position));
        assert_eq!(
            listing(Some("RED!"), None).position_after(Some(&token)),
            red.position_after(Some(&token))
        );
        for other in [
            listing(None, None),
            listing(Some("blue"), None),
            listing(Some("red"), Some("garden")),
        ] {
            assert_eq!(
                other.position_after(Some(&token)),
                Err(CatalogError::BadPageToken),
                "{other:?}"
            );
        }
        assert_eq!(red.position_after(None), Ok(ListPosition::start()));
    }
}
