//! What the catalog announces.

use offshoot_contract::EventSet;

use super::Product;

/// What the catalog announces. Whoever keeps a copy of products needs nothing else.
#[derive(Debug, Clone, PartialEq, EventSet)]
#[events(module = "catalog")]
pub enum CatalogEvent {
    /// A product was added, changed, repriced or discontinued: this is how it is now.
    #[event(name = "product-changed", version = 1, key = id, lasting)]
    ProductChanged(Product),
}
