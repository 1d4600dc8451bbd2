//! Validation of products, prices and bulk calls. Must not know the database; every function is pure.

use catalog_api::v1::{
    AddOutcome, CatalogError, MAX_BULK_ITEMS, MAX_CATEGORY_CHARS, MAX_DESCRIPTION_CHARS, MAX_NAME_CHARS, MAX_SKU_BYTES,
    NewProduct, PriceChange, PriceOutcome, ProductChanges,
};
use offshoot_contract::{Money, Timestamp, text};

/// An invalid field: the field's name, and why the value is invalid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InvalidField {
    field: &'static str,
    reason: String,
}

/// Checks all fields of a new product.
pub(crate) fn check_new(new: &NewProduct, now: Timestamp) -> Result<(), InvalidField> {
    check_sku(&new.sku)?;
    check_name(&new.name)?;
    check_description(&new.description)?;
    check_category(&new.category)?;
    check_price(new.price)?;
    new.price_since
        .map_or(Ok(()), |since| check_past("price_since", since, now))
}

/// Checks a historical price.
pub(crate) fn check_price_change(change: &PriceChange, now: Timestamp) -> Result<(), InvalidField> {
    check_sku(&change.sku)?;
    check_price(change.price)?;
    check_past("since", change.since, now)
}

/// Checks the fields that are present.
pub(crate) fn check_changes(changes: &ProductChanges) -> Result<(), InvalidField> {
    changes.name.as_deref().map_or(Ok(()), check_name)?;
    changes.description.as_deref().map_or(Ok(()), check_description)?;
    changes.category.as_deref().map_or(Ok(()), check_category)
}

/// Checks that a price is positive.
pub(crate) fn check_price(price: Money) -> Result<(), InvalidField> {
    ensure(price.ten_thousandths() > 0, "price", || {
        format!("{price} is not a valid price: a price must be above zero")
    })
}

/// Checks the number of items of a bulk call.
pub(crate) fn check_bulk(items: usize) -> Result<(), CatalogError> {
    if items <= MAX_BULK_ITEMS {
        return Ok(());
    }
    let saturating_u32 = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    Err(CatalogError::TooManyItems {
        given: saturating_u32(items),
        limit: saturating_u32(MAX_BULK_ITEMS),
    })
}

/// Whether `text` is a valid category name.
pub(crate) fn is_category(text: &str) -> bool {
    (1..=MAX_CATEGORY_CHARS).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// Whether `text` is a valid SKU.
pub(crate) fn is_sku(text: &str) -> bool {
    check_sku(text).is_ok()
}

fn check_sku(sku: &str) -> Result<(), InvalidField> {
    let bytes = sku.len();
    ensure((1..=MAX_SKU_BYTES).contains(&bytes), "sku", || {
        format!("has {bytes} bytes of UTF-8, but must have 1 to {MAX_SKU_BYTES}")
    })?;
    ensure(sku.trim() == sku, "sku", || {
        format!("`{sku}` begins or ends with white space: remove the white space")
    })?;
    check_storable("sku", sku)
}

fn check_name(name: &str) -> Result<(), InvalidField> {
    let characters = name.chars().count();
    ensure((1..=MAX_NAME_CHARS).contains(&characters), "name", || {
        format!("has {characters} characters, but must have 1 to {MAX_NAME_CHARS}")
    })?;
    check_storable("name", name)
}

fn check_description(description: &str) -> Result<(), InvalidField> {
    let characters = description.chars().count();
    ensure(characters <= MAX_DESCRIPTION_CHARS, "description", || {
        format!("has {characters} characters, but the limit is {MAX_DESCRIPTION_CHARS}")
    })?;
    check_storable("description", description)
}

fn check_category(category: &str) -> Result<(), InvalidField> {
    ensure(is_category(category), "category", || {
        let shown: String = category.chars().take(MAX_CATEGORY_CHARS).collect();
        format!(
            "`{shown}` is not a valid category: give 1 to {MAX_CATEGORY_CHARS} lower-case ASCII letters, digits and \
             hyphens, such as `home-decor`"
        )
    })
}

fn check_past(field: &'static str, time: Timestamp, now: Timestamp) -> Result<(), InvalidField> {
    ensure(time <= now, field, || {
        format!("{time} is in the future: the current time is {now}")
    })
}

fn check_storable(field: &'static str, text: &str) -> Result<(), InvalidField> {
    text::check_storable(text).map_err(|error| InvalidField {
        field,
        reason: error.to_string(),
    })
}

fn ensure(good: bool, field: &'static str, reason: impl FnOnce() -> String) -> Result<(), InvalidField> {
    if good {
        Ok(())
    } else {
        Err(InvalidField {
            field,
            reason: reason(),
        })
    }
}

impl From<InvalidField> for CatalogError {
    fn from(InvalidField { field, reason }: InvalidField) -> Self {
        let field = field.to_owned();
        Self::InvalidProduct { field, reason }
    }
}

impl From<InvalidField> for AddOutcome {
    fn from(InvalidField { field, reason }: InvalidField) -> Self {
        let field = field.to_owned();
        Self::Rejected { field, reason }
    }
}

impl From<InvalidField> for PriceOutcome {
    fn from(InvalidField { field, reason }: InvalidField) -> Self {
        let field = field.to_owned();
        Self::Rejected { field, reason }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2011-12-09T12:50:00Z".parse().expect("the time is valid")
    }

    fn invalid_field(spoil: impl FnOnce(&mut NewProduct)) -> Option<&'static str> {
        let mut new = NewProduct {
            sku: "71053".to_owned(),
            name: "WHITE METAL LANTERN".to_owned(),
            description: String::new(),
            category: "lighting".to_owned(),
            price: Money::new(33_900, Money::GBP),
            price_since: None,
        };
        spoil(&mut new);
        check_new(&new, now()).err().map(|invalid| invalid.field)
    }

    #[test]
    fn values_at_the_limit_are_accepted_and_values_beyond_are_rejected() {
        assert_eq!(invalid_field(|new| new.sku = "é".repeat(MAX_SKU_BYTES / 2)), None);
        assert_eq!(
            invalid_field(|new| new.sku = "é".repeat(MAX_SKU_BYTES / 2 + 1)),
            Some("sku")
        );
        assert_eq!(invalid_field(|new| new.name = "é".repeat(MAX_NAME_CHARS)), None);
        assert_eq!(
            invalid_field(|new| new.name = "é".repeat(MAX_NAME_CHARS + 1)),
            Some("name")
        );
        assert_eq!(
            invalid_field(|new| new.description = "é".repeat(MAX_DESCRIPTION_CHARS)),
            None
        );
        assert_eq!(
            invalid_field(|new| new.description = "é".repeat(MAX_DESCRIPTION_CHARS + 1)),
            Some("description")
        );
        assert_eq!(invalid_field(|new| new.category = "a".repeat(MAX_CATEGORY_CHARS)), None);
        assert_eq!(
            invalid_field(|new| new.category = "a".repeat(MAX_CATEGORY_CHARS + 1)),
            Some("category")
        );
        assert_eq!(invalid_field(|new| new.price = Money::new(1, Money::GBP)), None);
        assert_eq!(
            invalid_field(|new| new.price = Money::new(0, Money::GBP)),
            Some("price")
        );
        assert_eq!(invalid_field(|new| new.price_since = Some(now())), None);
        let later = Timestamp::from_micros(now().as_micros() + 1).expect("the time is valid");
        assert_eq!(invalid_field(|new| new.price_since = Some(later)), Some("price_since"));
    }

    #[test]
    fn invalid_texts_are_rejected() {
        for sku in ["", " 71053", "71053\t", "71\u{0}053"] {
            assert_eq!(invalid_field(|new| new.sku = sku.to_owned()), Some("sku"), "{sku:?}");
        }
        for category in ["", "Lighting", "home decor", "home_decor", "décor"] {
            assert_eq!(
                invalid_field(|new| new.category = category.to_owned()),
                Some("category"),
                "{category:?}"
            );
        }
        assert_eq!(invalid_field(|new| new.name = String::new()), Some("name"));
        assert_eq!(invalid_field(|new| new.name = "\0".to_owned()), Some("name"));
        assert_eq!(
            invalid_field(|new| new.description = "\0".to_owned()),
            Some("description")
        );
    }
}
