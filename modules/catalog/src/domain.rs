//! What the catalog accepts, and how a product changes. Knows no database; every function is pure.
//!
//! The contract's `Product` is a plain value and serves here too, until a second version of the contract tells the
//! two apart.

use catalog_api::v1::{
    AddOutcome, CatalogError, MAX_BULK_ITEMS, MAX_CATEGORY_CHARS, MAX_DESCRIPTION_CHARS,
    MAX_NAME_CHARS, MAX_SKU_BYTES, NewProduct, PriceChange, PriceOutcome, Product, ProductChanges,
    ProductId, ProductStatus,
};
use offshoot_contract::{Money, Timestamp};

/// The version that a new product has.
const FIRST_VERSION: u32 = 1;

/// A product that may be added, with the time from which its price holds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct AcceptedProduct {
    pub(crate) product: Product,
    pub(crate) price_since: Timestamp,
}

/// A field that is not acceptable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unacceptable {
    field: &'static str,
    reason: String,
}

/// The product that `new` becomes.
pub(crate) fn accept(new: NewProduct, id: ProductId, now: Timestamp) -> Result<AcceptedProduct, Unacceptable> {
    check_sku(&new.sku)?;
    check_name(&new.name)?;
    check_description(&new.description)?;
    check_category(&new.category)?;
    check_price(new.price)?;
    let price_since = new.price_since.unwrap_or(now);
    check_past("price_since", price_since, now)?;
    let product = Product {
        id,
        sku: new.sku,
        name: new.name,
        description: new.description,
        category: new.category,
        price: new.price,
        status: ProductStatus::Active,
        version: FIRST_VERSION,
        created_at: now,
        updated_at: now,
    };
    Ok(AcceptedProduct { product, price_since })
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
    accept_if(price.ten_thousandths() > 0, "price", || format!("{price} is not a price: it must be above zero"))
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

/// The product after `changes`, given that the caller has seen `version` of it; equal to `product` where nothing is
/// to be written.
///
/// Values that are there already are no change and raise no version. A caller that has seen the version before this
/// one, and asks for what is there, is repeating the call that made it so (its answer was lost): it gets the same
/// answer, and overwrites nothing. Any other version is a `VersionConflict`.
pub(crate) fn change(
    product: &Product,
    version: u32,
    changes: ProductChanges,
    now: Timestamp,
) -> Result<Product, CatalogError> {
    let asks_for_something = changes != ProductChanges::default();
    let mut changed = product.clone();
    changed.name = changes.name.unwrap_or(changed.name);
    changed.description = changes.description.unwrap_or(changed.description);
    changed.category = changes.category.unwrap_or(changed.category);
    let is_there_already = changed == *product;
    let is_repeat = is_there_already && asks_for_something && version.checked_add(1) == Some(product.version);
    if version != product.version && !is_repeat {
        return Err(version_conflict(product, version));
    }
    if !is_there_already {
        changed.version = product.version.saturating_add(1);
        changed.updated_at = now;
    }
    Ok(changed)
}

/// The answer to a caller that has seen `expected` of a product that is at another version.
pub(crate) fn version_conflict(product: &Product, expected: u32) -> CatalogError {
    CatalogError::VersionConflict {
        id: product.id,
        expected,
        current: product.version,
    }
}

/// Whether a product could be in this category.
pub(crate) fn is_category(text: &str) -> bool {
    (1..=MAX_CATEGORY_CHARS).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
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
    accept_if(sku.trim() == sku, "sku", || format!("`{sku}` begins or ends with white space: leave it out"))?;
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
    accept_if(time <= now, field, || format!("{time} is in the future: it is {now} now"))
}

/// Postgres keeps no NUL in a text.
fn check_no_nul(field: &'static str, text: &str) -> Result<(), Unacceptable> {
    accept_if(!text.contains('\0'), field, || "holds a NUL character: leave it out".to_owned())
}

fn accept_if(good: bool, field: &'static str, reason: impl FnOnce() -> String) -> Result<(), Unacceptable> {
    if good {
        Ok(())
    } else {
        Err(Unacceptable { field, reason: reason() })
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

    const NOW: &str = "2011-12-09T12:50:00Z";

    fn now() -> Timestamp {
        NOW.parse().expect("a time")
    }

    fn lantern() -> NewProduct {
        NewProduct {
            sku: "71053".to_owned(),
            name: "WHITE METAL LANTERN".to_owned(),
            description: String::new(),
            category: "lighting".to_owned(),
            price: Money::new(33_900, Money::GBP),
            price_since: None,
        }
    }

    fn product() -> Product {
        let id = ProductId::new(now());
        accept(lantern(), id, now()).expect("acceptable").product
    }

    fn refused_field(spoil: impl FnOnce(&mut NewProduct)) -> Option<&'static str> {
        let mut new = lantern();
        spoil(&mut new);
        accept(new, ProductId::new(now()), now()).err().map(|refused| refused.field)
    }

    #[test]
    fn limits_are_taken_and_one_more_is_not() {
        assert_eq!(refused_field(|new| new.sku = "é".repeat(MAX_SKU_BYTES / 2)), None);
        assert_eq!(refused_field(|new| new.sku = "é".repeat(MAX_SKU_BYTES / 2 + 1)), Some("sku"));
        assert_eq!(refused_field(|new| new.name = "é".repeat(MAX_NAME_CHARS)), None);
        assert_eq!(refused_field(|new| new.name = "é".repeat(MAX_NAME_CHARS + 1)), Some("name"));
        assert_eq!(refused_field(|new| new.description = "é".repeat(MAX_DESCRIPTION_CHARS)), None);
        assert_eq!(refused_field(|new| new.description = "é".repeat(MAX_DESCRIPTION_CHARS + 1)), Some("description"));
        assert_eq!(refused_field(|new| new.category = "a".repeat(MAX_CATEGORY_CHARS)), None);
        assert_eq!(refused_field(|new| new.category = "a".repeat(MAX_CATEGORY_CHARS + 1)), Some("category"));
        assert_eq!(refused_field(|new| new.price = Money::new(1, Money::GBP)), None);
        assert_eq!(refused_field(|new| new.price = Money::new(0, Money::GBP)), Some("price"));
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
            assert_eq!(refused_field(|new| new.category = category.to_owned()), Some("category"), "{category:?}");
        }
        assert_eq!(refused_field(|new| new.name = String::new()), Some("name"));
        assert_eq!(refused_field(|new| new.name = "\0".to_owned()), Some("name"));
        assert_eq!(refused_field(|new| new.description = "\0".to_owned()), Some("description"));
    }

    #[test]
    fn a_change_raises_the_version_and_the_same_values_do_not() {
        let product = product();
        let later = now().plus(std::time::Duration::from_secs(1));
        let renamed = |name: &str| ProductChanges {
            name: Some(name.to_owned()),
            ..ProductChanges::default()
        };
        let changed = change(&product, 1, renamed("LANTERN"), later).expect("version 1");
        assert_eq!((changed.name.as_str(), changed.version, changed.updated_at), ("LANTERN", 2, later));
        assert_eq!(change(&product, 1, renamed(&product.name), later), Ok(product.clone()));
        assert_eq!(change(&product, 1, ProductChanges::default(), later), Ok(product));
    }

    #[test]
    fn a_repeat_is_answered_and_a_stale_change_is_not() {
        let mut product = product();
        product.version = 5;
        let same = || ProductChanges {
            category: Some(product.category.clone()),
            ..ProductChanges::default()
        };
        assert_eq!(change(&product, 4, same(), now()), Ok(product.clone()));
        for version in [0, 3, 6, u32::MAX] {
            assert_eq!(change(&product, version, same(), now()), Err(version_conflict(&product, version)));
        }
        assert_eq!(change(&product, 4, ProductChanges::default(), now()), Err(version_conflict(&product, 4)));
        let other = ProductChanges {
            category: Some("garden".to_owned()),
            ..ProductChanges::default()
        };
        assert_eq!(change(&product, 4, other, now()), Err(version_conflict(&product, 4)));
    }
}
