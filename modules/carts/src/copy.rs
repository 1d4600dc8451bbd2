//! The carts' copy of what the catalog sells and at what price: as much of it as a line of a cart shows. SQL is the
//! store's.

use std::sync::Arc;

use async_trait::async_trait;
use catalog_api::v1::CatalogEvent;
use offshoot_contract::CallFailure;
use offshoot_db::Tx;
use offshoot_outbox::{Delivered, Projection, Rejection, Subscription, latest};

use crate::store::known;

/// The subscription that the copy hangs on.
pub const PRICES: &str = "carts-prices";

/// What the carts hear: run by whoever hosts them.
#[must_use]
pub fn subscriptions() -> Vec<Subscription> {
    vec![Subscription::copy(PRICES, Arc::new(CopyOfPrices))]
}

/// The catalog's products, sold or not, with their prices.
#[derive(Debug, Clone, Copy)]
pub struct CopyOfPrices;

#[async_trait]
impl Projection for CopyOfPrices {
    type Event = CatalogEvent;

    async fn apply(&self, tx: &mut Tx<'_>, events: &[Delivered<CatalogEvent>]) -> Result<(), Rejection> {
        let rows = latest(events).into_iter().map(|each| {
            let CatalogEvent::ProductChanged(product) = &each.event;
            known::row(product)
        });
        Ok(known::put(tx, rows.collect()).await?)
    }

    async fn clear(&self, tx: &mut Tx<'_>) -> Result<(), CallFailure> {
        known::clear(tx).await
    }
}
