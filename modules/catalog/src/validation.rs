//! What the catalog accepts. Knows no database; every function is pure.

use catalog_api::v1::{
    AddOutcome, CatalogError, MAX_BULK_ITEMS, MAX_CATEGORY_CHARS, MAX_DESCRIPTION_CHARS, MAX_NAME_CHARS, MAX_SKU_BYTES,
    NewProduct, PriceChange, PriceOutcome, ProductChanges,
};
use offshoot_contract::{Money, Timestamp};

/// A field that is not acceptable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unacceptable {
    field: &'static str,
    reason: String,
}

/// Whether a product may be added as it is.
pub(crate) fn check_new(new: &NewProduct, now: Timestamp) -> Result<(), Unacceptable> {
    check_sku(&new.sku)?;
    check_name(&new.name)?;
    check_description(&new.description)?;
    check_category(&new.category)?;
    check_price(new.price)?;
    new.price_since
        .map_or(Ok(()), |since| check_past("price_since", since, now))
}

/// Whether a price of the past may be recorded.
pub(crate) fn check_price_change(change: &PriceChange, now: Timestamp) -> Result<(), Unacceptable> {
    check_sku(&change.sku)?;
    check_price(change.price)?;
    check_past("since", change.since, now)
}

/// Whether the fields that are to change may have these values.
pub(crate) fn check_changes(changes: &ProductChanges) -> Result<(), Unacceptable> {
    changes.name.as_deref().map_or(Ok(()), check_name)?;
    changes.description.as_deref().map_or(Ok(()), check_description)?;
    changes.category.as_deref().map_or(Ok(()), check_category)
}

/// Whether something can cost this.
pub(crate) fn check_price(price: Money) -> Result<(), Unacceptable> {
    accept_if(price.ten_thousandths() > 0, "price", || {
        format!("{price} is not a price: it must be above zero")
    })
}

/// Whether one call takes this many items.
pub(crate) fn check_bulk(items: usize) -> Result<(), CatalogError> {
    if items <= MAX_BULK_ITEMS {
        return Ok(());
    }
    let as_number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    Err(CatalogError::TooManyItems {
        given: as_number(items),
        limit: as_number(MAX_BULK_ITEMS),
    })
}

/// Whether a product could be in this category.
pub(crate) fn is_category(text: &str) -> bool {
    (1..=MAX_CATEGORY_CHARS).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// Whether a product could have this SKU.
pub(crate) fn is_sku(text: &str) -> bool {
    check_sku(text).is_ok()
}

fn check_sku(sku: &str) -> Result<(), Unacceptable> {
    let bytes = sku.len();
    accept_if((1..=MAX_SKU_BYTES).contains(&bytes), "sku", || {
        format!("has {bytes} bytes of UTF-8: 1 to {MAX_SKU_BYTES} are taken")
    })?;
    accept_if(sku.trim() == sku, "sku", || {
        format!("`{sku}` begins or ends with white space: leave it out")
    })?;
    check_no_nul("sku", sku)
}

fn check_name(name: &str) -> Result<(), Unacceptable> {
    let characters = name.chars().count();
    accept_if((1..=MAX_NAME_CHARS).contains(&characters), "name", || {
        format!("has {characters} characters: 1 to {MAX_NAME_CHARS} are taken")
    })?;
    check_no_nul("name", name)
}

fn check_description(description: &str) -> Result<(), Unacceptable> {
    let characters = description.chars().count();
    accept_if(characters <= MAX_DESCRIPTION_CHARS, "description", || {
        format!("has {characters} characters: at most {MAX_DESCRIPTION_CHARS} are taken")
    })?;
    check_no_nul("description", description)
}

fn check_category(category: &str) -> Result<(), Unacceptable> {
    accept_if(is_category(category), "category", || {
        let shown: String = category.chars().take(MAX_CATEGORY_CHARS).collect();
        format!(
            "`{shown}` is not a category: 1 to {MAX_CATEGORY_CHARS} lower-case ASCII letters, digits and hyphens, such \
             as `home-decor`"
        )
    })
}

fn check_past(field: &'static str, time: Timestamp, now: Timestamp) -> Result<(), Unacceptable> {
    accept_if(time <= now, field, || {
        format!("{time} is in the future: it is {now} now")
    })
}

/// Postgres keeps no NUL in a text.
fn check_no_nul(field: &'static str, text: &str) -> Result<(), Unacceptable> {
    accept_if(!text.contains('\0'), field, || {
        "holds a NUL character: leave it out".to_owned()
    })
}

fn accept_if(good: bool, field: &'static str, reason: impl FnOnce() -> String) -> Result<(), Unacceptable> {
    if good {
        Ok(())
    } else {
        Err(Unacceptable {
            field,
            reason: reason(),
        })
    }
}

impl From<Unacceptable> for CatalogError {
    fn from(Unacceptable { field, reason }: Unacceptable) -> Self {
        let field = field.to_owned();
        Self::InvalidProduct { field, reason }
    }
}

impl From<Unacceptable> for AddOutcome {
    fn from(Unacceptable { field, reason }: Unacceptable) -> Self {
        let field = field.to_owned();
        Self::Rejected { field, reason }
    }
}

impl From<Unacceptable> for PriceOutcome {
    fn from(Unacceptable { field, reason }: Unacceptable) -> Self {
        let field = field.to_owned();
        Self::Rejected { field, reason }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2011-12-09T12:50:00Z".parse().expect("a time")
    }

    fn refused_field(spoil: impl FnOnce(&mut NewProduct)) -> Option<&'static str> {
        let mut new = NewProduct {
            sku: "71053".to_owned(),
            name: "WHITE METAL LANTERN".to_owned(),
            description: String::new(),
            category: "lighting".to_owned(),
            price: Money::new(33_900, Money::GBP),
            price_since: None,
        };
        spoil(&mut new);
        check_new(&new, now()).err().map(|refused| refused.field)
    }

    #[test]
    fn limits_are_taken_and_one_more_is_not() {
        assert_eq!(refused_field(|new| new.sku = "é".repeat(MAX_SKU_BYTES / 2)), None);
        assert_eq!(
            refused_field(|new| new.sku = "é".repeat(MAX_SKU_BYTES / 2 + 1)),
            Some("sku")
        );
        assert_eq!(refused_field(|new| new.name = "é".repeat(MAX_NAME_CHARS)), None);
        assert_eq!(
            refused_field(|new| new.name = "é".repeat(MAX_NAME_CHARS + 1)),
            Some("name")
        );
        assert_eq!(
            refused_field(|new| new.description = "é".repeat(MAX_DESCRIPTION_CHARS)),
            None
        );
        assert_eq!(
            refused_field(|new| new.description = "é".repeat(MAX_DESCRIPTION_CHARS + 1)),
            Some("description")
        );
        assert_eq!(refused_field(|new| new.category = "a".repeat(MAX_CATEGORY_CHARS)), None);
        assert_eq!(
            refused_field(|new| new.category = "a".repeat(MAX_CATEGORY_CHARS + 1)),
            Some("category")
        );
        assert_eq!(refused_field(|new| new.price = Money::new(1, Money::GBP)), None);
        assert_eq!(
            refused_field(|new| new.price = Money::new(0, Money::GBP)),
            Some("price")
        );
        assert_eq!(refused_field(|new| new.price_since = Some(now())), None);
        let later = Timestamp::from_micros(now().as_micros() + 1).expect("a time");
        assert_eq!(refused_field(|new| new.price_since = Some(later)), Some("price_since"));
    }

    #[test]
    fn texts_that_no_product_has_are_refused() {
        for sku in ["", " 71053", "71053\t", "71\u{0}053"] {
            assert_eq!(refused_field(|new| new.sku = sku.to_owned()), Some("sku"), "{sku:?}");
        }
        for category in ["", "Lighting", "home decor", "home_decor", "décor"] {
            assert_eq!(
                refused_field(|new| new.category = category.to_owned()),
                Some("category"),
                "{category:?}"
            );
        }
        assert_eq!(refused_field(|new| new.name = String::new()), Some("name"));
        assert_eq!(refused_field(|new| new.name = "\0".to_owned()), Some("name"));
        assert_eq!(
            refused_field(|new| new.description = "\0".to_owned()),
            Some("description")
        );
    }
}
