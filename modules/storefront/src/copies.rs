//! The copies that the storefront keeps: of products and of stock, each in a table of its own, so that it does not matter
//! which of the two is heard of first. SQL is the store's.

use std::sync::Arc;

use async_trait::async_trait;
use catalog_api::v1::CatalogEvent;
use inventory_api::v1::InventoryEvent;
use offshoot_contract::CallFailure;
use offshoot_db::Tx;
use offshoot_outbox::{Delivered, Projection, Rejection, Subscription, latest};

use crate::store::{self, StockRow};

/// The subscription that the copy of the products hangs on.
pub const PRODUCTS: &str = "storefront-products";
/// The subscription that the copy of the stock hangs on.
pub const STOCK: &str = "storefront-stock";

/// What the storefront hears: run by whoever hosts it.
#[must_use]
pub fn subscriptions() -> Vec<Subscription> {
    vec![
        Subscription::copy(PRODUCTS, Arc::new(CopyOfProducts)),
        Subscription::copy(STOCK, Arc::new(CopyOfStock)),
    ]
}

/// The catalog's products, sold or not.
#[derive(Debug, Clone, Copy)]
pub struct CopyOfProducts;

#[async_trait]
impl Projection for CopyOfProducts {
    type Event = CatalogEvent;

    async fn apply(&self, tx: &mut Tx<'_>, events: &[Delivered<CatalogEvent>]) -> Result<(), Rejection> {
        let rows = latest(events).into_iter().map(|each| {
            let CatalogEvent::ProductChanged(product) = &each.event;
            store::product_row(product, each.position)
        });
        Ok(store::put_products(tx, rows.collect()).await?)
    }

    async fn clear(&self, tx: &mut Tx<'_>) -> Result<(), CallFailure> {
        store::clear_products(tx).await
    }
}

/// What can be had of each product.
#[derive(Debug, Clone, Copy)]
pub struct CopyOfStock;

#[async_trait]
impl Projection for CopyOfStock {
    type Event = InventoryEvent;

    async fn apply(&self, tx: &mut Tx<'_>, events: &[Delivered<InventoryEvent>]) -> Result<(), Rejection> {
        let rows = latest(events).into_iter().map(|each| {
            let InventoryEvent::StockChanged(stock) = &each.event;
            let available = i64::try_from(stock.available).map_err(|_| {
                Rejection::Event(format!(
                    "{} units of {} cannot be kept",
                    stock.available, stock.product_id
                ))
            })?;
            Ok::<StockRow, Rejection>((stock.product_id, available, each.position))
        });
        let rows = rows.collect::<Result<Vec<_>, _>>()?;
        Ok(store::put_stock(tx, rows).await?)
    }

    async fn clear(&self, tx: &mut Tx<'_>) -> Result<(), CallFailure> {
        store::clear_stock(tx).await
    }
}
