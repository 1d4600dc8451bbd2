//! Rules for creating and changing a product. Must not know the database; every function is pure.
//!
//! The contract's `Product` is a plain value and doubles as the domain type as long as the contract has one major
//! version.

use catalog_api::v1::{CatalogError, NewProduct, Product, ProductChanges, ProductId, ProductStatus};
use offshoot_contract::Timestamp;

use crate::validation::{self, InvalidField};

/// Version of a new product.
const FIRST_VERSION: u32 = 1;

/// A validated new product with the start time of the first price.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct AcceptedProduct {
    pub(crate) product: Product,
    pub(crate) price_since: Timestamp,
}

/// Validates `new` and builds the product with `id`.
pub(crate) fn accept(new: NewProduct, id: ProductId, now: Timestamp) -> Result<AcceptedProduct, InvalidField> {
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

/// Applies `changes` for a caller that last read `version`. The result equals `product` if there is nothing to write.
///
/// Values equal to the current ones do not raise the version. A caller at the previous version that asks for the
/// current values repeats a call that succeeded and whose response was lost: the repeat gets the same answer and writes
/// nothing. Any other version mismatch fails with `VersionConflict`.
pub(crate) fn change(
    product: &Product,
    version: u32,
    changes: ProductChanges,
    now: Timestamp,
) -> Result<Product, CatalogError> {
    let has_changes = changes != ProductChanges::default();
    let mut changed = product.clone();
    changed.name = changes.name.unwrap_or(changed.name);
    changed.description = changes.description.unwrap_or(changed.description);
    changed.category = changes.category.unwrap_or(changed.category);
    let is_unchanged = changed == *product;
    let is_repeat = is_unchanged && has_changes && version.checked_add(1) == Some(product.version);
    if version != product.version && !is_repeat {
        return Err(version_conflict(product, version));
    }
    if !is_unchanged {
        changed.version = product.version.saturating_add(1);
        changed.updated_at = now;
    }
    Ok(changed)
}

/// Error for a caller that expects version `expected` while `product` has another version.
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
        NOW.parse().expect("NOW is a valid time")
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
        accept(lantern(), id, now()).expect("the lantern is valid").product
    }

    #[test]
    fn changed_values_raise_the_version_and_equal_values_do_not() {
        let product = product();
        let later = now().plus(std::time::Duration::from_secs(1));
        let renamed = |name: &str| ProductChanges {
            name: Some(name.to_owned()),
            ..ProductChanges::default()
        };
        let changed = change(&product, 1, renamed("LANTERN"), later).expect("version 1 is current");
        assert_eq!(
            (changed.name.as_str(), changed.version, changed.updated_at),
            ("LANTERN", 2, later)
        );
        assert_eq!(change(&product, 1, renamed(&product.name), later), Ok(product.clone()));
        assert_eq!(change(&product, 1, ProductChanges::default(), later), Ok(product));
    }

    #[test]
    fn a_repeat_succeeds_and_a_stale_change_conflicts() {
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
