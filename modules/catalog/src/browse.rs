//! What is asked for when products are listed, and where in the list a page begins. Knows no database.

use catalog_api::v1::CatalogError;
use offshoot_contract::page_token;

use crate::{search, validation};

/// One list of products: those that match a search, of one category or of all.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Listing {
    /// As [`search::words`] makes them.
    pub(crate) words: Option<String>,
    pub(crate) category: Option<String>,
}

/// Where a product stands in its list. Compared from the first field to the last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// Where the words were found, 0 the best; 0 without a search.
    pub(crate) tier: i64,
    /// Characters of the name's words; 0 without a search.
    pub(crate) name_length: i64,
    pub(crate) sku: String,
}

impl Listing {
    /// The list that a caller asks for. Fails with `InvalidSearch`.
    pub(crate) fn of(search: Option<&str>, category: Option<String>) -> Result<Self, CatalogError> {
        let words = search.map(search::words_of_search).transpose()?;
        Ok(Self { words, category })
    }

    /// No product could be in the category, so the database need not be asked (and Postgres takes no NUL in a text).
    pub(crate) fn is_surely_empty(&self) -> bool {
        self.category
            .as_deref()
            .is_some_and(|category| !validation::is_category(category))
    }

    /// After which place the asked page begins. Fails with `BadPageToken`.
    pub(crate) fn open(&self, token: Option<&str>) -> Result<Place, CatalogError> {
        let Some(token) = token else {
            return Ok(Place::before_all());
        };
        let key = page_token::open(&self.name(), token);
        key.as_deref().and_then(Place::of_key).ok_or(CatalogError::BadPageToken)
    }

    /// The token for what comes after `place`.
    pub(crate) fn token(&self, place: &Place) -> String {
        let Place { tier, name_length, sku } = place;
        page_token::issue(&self.name(), &format!("{tier} {name_length} {sku}"))
    }

    /// What a token is bound to. An absent search or category has no text that a present one could have.
    fn name(&self) -> [&str; 3] {
        [
            "products",
            self.words.as_deref().unwrap_or(""),
            self.category.as_deref().unwrap_or("*"),
        ]
    }
}

impl Place {
    fn before_all() -> Self {
        Self {
            tier: -1,
            name_length: 0,
            sku: String::new(),
        }
    }

    fn of_key(key: &str) -> Option<Self> {
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
    fn a_token_leads_back_to_its_place_and_into_no_other_list() {
        let listing = |search, category: Option<&str>| Listing::of(search, category.map(str::to_owned)).expect("words");
        let place = Place {
            tier: 2,
            name_length: 19,
            sku: "gift voucher 1".to_owned(),
        };
        let red = listing(Some("Red"), None);
        let token = red.token(&place);
        assert_eq!(red.open(Some(&token)), Ok(place));
        assert_eq!(listing(Some("RED!"), None).open(Some(&token)), red.open(Some(&token)));
        for other in [
            listing(None, None),
            listing(Some("blue"), None),
            listing(Some("red"), Some("garden")),
        ] {
            assert_eq!(other.open(Some(&token)), Err(CatalogError::BadPageToken), "{other:?}");
        }
        assert_eq!(red.open(None), Ok(Place::before_all()));
    }
}
