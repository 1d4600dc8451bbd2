//! Publishing of stock changes.

use inventory_api::v1::{InventoryEvent, ProductId, Stock};
use offshoot_contract::CallFailure;
use offshoot_db::Tx;
use offshoot_outbox::Publish as _;

use crate::recording::Level;

/// Publishes these stock levels. Must run in the transaction of the change.
pub(crate) async fn publish_stock_changes(
    tx: &mut Tx<'_>,
    levels: impl IntoIterator<Item = (ProductId, Level)>,
) -> Result<(), CallFailure> {
    let event = |(product_id, level)| InventoryEvent::StockChanged(to_stock(product_id, level));
    let events: Vec<_> = levels.into_iter().map(event).collect();
    tx.publish_all(&events).await
}

/// Converts a level to the stock type of the contract.
pub(crate) fn to_stock(product_id: ProductId, level: Level) -> Stock {
    Stock {
        product_id,
        // The schema guarantees that neither value is negative.
        on_hand: u64::try_from(level.on_hand).unwrap_or(0),
        reserved: u64::try_from(level.reserved).unwrap_or(0),
        available: level.available(),
    }
}
