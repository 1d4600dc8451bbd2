//! Projections of the catalog's products and the inventory's stock.
//!
//! Each projection has a table of its own, so the events of the two modules may come in any order. Knows no SQL.

use std::sync::Arc;

use async_trait::async_trait;
use catalog_api::v1::CatalogEvent;
use inventory_api::v1::InventoryEvent;
use offshoot_contract::CallFailure;
use offshoot_db::Tx;
use offshoot_outbox::{Delivered, Projection, Rejection, Subscription, latest_per_key};

use crate::store::{self, StockRow};

/// Subscription of the products projection.
pub const PRODUCTS_SUBSCRIPTION: &str = "storefront-products";
/// Subscription of the stock projection.
pub const STOCK_SUBSCRIPTION: &str = "storefront-stock";

/// The storefront's subscriptions, run by the process that hosts the storefront.
#[must_use]
pub fn subscriptions() -> Vec<Subscription> {
    vec![
        Subscription::projection(PRODUCTS_SUBSCRIPTION, Arc::new(ProductsProjection)),
        Subscription::projection(STOCK_SUBSCRIPTION, Arc::new(StockProjection)),
    ]
}

/// Projection of the catalog's products, active and discontinued.
#[derive(Debug, Clone, Copy)]
pub struct ProductsProjection;

#[async_trait]
impl Projection for ProductsProjection {
    type Event = CatalogEvent;

    async fn apply(&self, tx: &mut Tx<'_>, events: &[Delivered<CatalogEvent>]) -> Result<(), Rejection> {
        let rows = latest_per_key(events).into_iter().map(|delivered| {
            let CatalogEvent::ProductChanged(product) = &delivered.event;
            store::product_row(product, delivered.position)
        });
        Ok(store::upsert_products(tx, rows.collect()).await?)
    }

    async fn clear(&self, tx: &mut Tx<'_>) -> Result<(), CallFailure> {
        store::clear_products(tx).await
    }
}

/// Projection of the available units of each product.
#[derive(Debug, Clone, Copy)]
pub struct StockProjection;

#[async_trait]
impl Projection for StockProjection {
    type Event = InventoryEvent;

    async fn apply(&self, tx: &mut Tx<'_>, events: &[Delivered<InventoryEvent>]) -> Result<(), Rejection> {
        let rows = latest_per_key(events).into_iter().map(|delivered| {
            let InventoryEvent::StockChanged(stock) = &delivered.event;
            let available = i64::try_from(stock.available).map_err(|_| {
                Rejection::Event(format!(
                    "{} available units of {} exceed the largest storable number",
                    stock.available, stock.product_id
                ))
            })?;
            Ok::<StockRow, Rejection>((stock.product_id, available, delivered.position))
        });
        let rows = rows.collect::<Result<Vec<_>, _>>()?;
        Ok(store::upsert_stock(tx, rows).await?)
    }

    async fn clear(&self, tx: &mut Tx<'_>) -> Result<(), CallFailure> {
        store::clear_stock(tx).await
    }
}
