//! What a product is made of, and how it changes. Knows no database; every function is pure.
//!
//! The contract's `Product` is a plain value and serves here too, until a second version of the contract tells the
//! two apart.

use catalog_api::v1::{CatalogError, NewProduct, Product, ProductChanges, ProductId, ProductStatus};
use offshoot_contract::Timestamp;

use crate::validation::{self, Unacceptable};

/// The version that a new product has.
const FIRST_VERSION: u32 = 1;

/// A product that may be added, with the time from which its price holds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct AcceptedProduct {
    pub(crate) product: Product,
    pub(crate) price_since: Timestamp,
}

/// The product that `new` becomes.
pub(crate) fn accept(new: NewProduct, id: ProductId, now: Timestamp) -> Result<AcceptedProduct, Unacceptable> {
    validation::check_new(&new, now)?;
    let price_since = new.price_since.unwrap_or(now);
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

#[cfg(test)]
mod tests {
    use offshoot_contract::Money;

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

    #[test]
    fn a_change_raises_the_version_and_the_same_values_do_not() {
        let product = product();
        let later = now().plus(std::time::Duration::from_secs(1));
        let renamed = |name: &str| ProductChanges {
            name: Some(name.to_owned()),
            ..ProductChanges::default()
        };
        let changed = change(&product, 1, renamed("LANTERN"), later).expect("version 1");
        assert_eq!(
            (changed.name.as_str(), changed.version, changed.updated_at),
            ("LANTERN", 2, later)
        );
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
            assert_eq!(
                change(&product, version, same(), now()),
                Err(version_conflict(&product, version))
            );
        }
        assert_eq!(
            change(&product, 4, ProductChanges::default(), now()),
            Err(version_conflict(&product, 4))
        );
        let other = ProductChanges {
            category: Some("garden".to_owned()),
            ..ProductChanges::default()
        };
        assert_eq!(change(&product, 4, other, now()), Err(version_conflict(&product, 4)));
    }
}
