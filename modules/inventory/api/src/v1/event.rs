//! What the inventory announces.

use offshoot_contract::EventSet;

use super::Stock;

/// What the inventory announces.
#[derive(Debug, Clone, PartialEq, EventSet)]
#[events(module = "inventory")]
pub enum InventoryEvent {
    /// What can be had of a product has changed: this is its stock now. A movement that leaves what can be had as it was,
    /// such as promised goods that leave, is not announced.
    #[event(name = "stock-changed", version = 1, key = product_id, lasting)]
    StockChanged(Stock),
}
