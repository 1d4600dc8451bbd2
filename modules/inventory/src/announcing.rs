//! What the inventory tells of: what can be had of a product has changed.

use inventory_api::v1::{InventoryEvent, ProductId, Stock};
use offshoot_contract::CallFailure;
use offshoot_db::Tx;
use offshoot_outbox::Publish as _;

use crate::recording::Level;

/// Announces these levels. Call it in the transaction that changed them.
pub(crate) async fn announce(
    tx: &mut Tx<'_>,
    levels: impl IntoIterator<Item = (ProductId, Level)>,
) -> Result<(), CallFailure> {
    let event = |(product_id, level)| InventoryEvent::StockChanged(stock(product_id, level));
    let events: Vec<_> = levels.into_iter().map(event).collect();
    tx.publish_all(&events).await
}

/// A level as it travels.
pub(crate) fn stock(product_id: ProductId, level: Level) -> Stock {
    Stock {
        product_id,
        // The schema keeps both from being below zero.
        on_hand: u64::try_from(level.on_hand).unwrap_or(0),
        reserved: u64::try_from(level.reserved).unwrap_or(0),
        available: level.available(),
    }
}
