//! Projection of the catalog's products: the product fields that a cart line shows. Contains no SQL; see
//! `store/projected_products.rs`.

use std::sync::Arc;

use async_trait::async_trait;
use catalog_api::v1::CatalogEvent;
use offshoot_contract::CallFailure;
use offshoot_db::Tx;
use offshoot_outbox::{Delivered, Projection, Rejection, Subscription, latest_per_key};

use crate::store::projected_products;

/// Name of the subscription that feeds the projection.
pub const PRICES_SUBSCRIPTION: &str = "carts-prices";

/// Subscriptions of the carts module. The process that hosts the module must run them.
#[must_use]
pub fn subscriptions() -> Vec<Subscription> {
    vec![Subscription::projection(
        PRICES_SUBSCRIPTION,
        Arc::new(PricesProjection),
    )]
}

/// Projects all products of the catalog, active and discontinued, with their prices.
#[derive(Debug, Clone, Copy)]
pub struct PricesProjection;

#[async_trait]
impl Projection for PricesProjection {
    type Event = CatalogEvent;

    async fn apply(&self, tx: &mut Tx<'_>, events: &[Delivered<CatalogEvent>]) -> Result<(), Rejection> {
        let rows = latest_per_key(events).into_iter().map(|each| {
            let CatalogEvent::ProductChanged(product) = &each.event;
            projected_products::to_row(product)
        });
        Ok(projected_products::upsert(tx, rows.collect()).await?)
    }

    async fn clear(&self, tx: &mut Tx<'_>) -> Result<(), CallFailure> {
        projected_products::clear(tx).await
    }
}
