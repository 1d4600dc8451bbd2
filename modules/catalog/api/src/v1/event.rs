//! Events published by the catalog.

use offshoot_contract::EventSet;

use super::Product;

/// Events of the catalog. Each event carries the whole product, so a projection of products needs no calls.
#[derive(Debug, Clone, PartialEq, EventSet)]
#[events(module = "catalog")]
pub enum CatalogEvent {
    /// A product was added, changed, repriced or discontinued. Carries the product after the change.
    #[event(name = "product-changed", version = 1, key = id, lasting)]
    ProductChanged(Product),
}
