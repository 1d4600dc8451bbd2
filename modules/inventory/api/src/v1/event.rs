//! Events published by the inventory.

use offshoot_contract::EventSet;

use super::Stock;

/// Events of the inventory.
#[derive(Debug, Clone, PartialEq, EventSet)]
#[events(module = "inventory")]
pub enum InventoryEvent {
    /// The available units of a product have changed. Carries the stock after the change. A movement that leaves
    /// `available` unchanged, such as the commit of a held reservation, is not published.
    #[event(name = "stock-changed", version = 1, key = product_id, lasting)]
    StockChanged(Stock),
}
