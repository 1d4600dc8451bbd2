//! Fixtures: events of the catalog and the inventory, applied to the storefront's projections.

use catalog_api::v1::{CatalogEvent, Product, ProductId, ProductStatus};
use inventory_api::v1::{InventoryEvent, Stock};
use offshoot_contract::{CallContext, EventSet, Money, Timestamp};
use offshoot_outbox::{Delivered, Projection, Rejection};
use storefront::{ProductsProjection, StockProjection};

use crate::T;

pub(crate) fn pounds(amount: &str) -> Money {
    Money::parse(amount, Money::GBP).unwrap()
}

/// An active product at a price of one pound.
pub(crate) fn product(sku: &str) -> Product {
    let time = Timestamp::from_micros(0).unwrap();
    Product {
        id: ProductId::new(time),
        sku: sku.to_owned(),
        name: format!("PRODUCT {sku}"),
        description: format!("all about {sku}"),
        category: "other".to_owned(),
        price: pounds("1.00"),
        status: ProductStatus::Active,
        version: 1,
        created_at: time,
        updated_at: time,
    }
}

pub(crate) fn discontinued(product: &Product) -> Product {
    Product {
        status: ProductStatus::Discontinued,
        ..product.clone()
    }
}

pub(crate) fn stock(product: &Product, available: u64) -> Stock {
    Stock {
        product_id: product.id,
        on_hand: available,
        reserved: 0,
        available,
    }
}

fn delivered<E: EventSet>(events: impl IntoIterator<Item = (i64, E)>) -> Vec<Delivered<E>> {
    let at = Timestamp::from_micros(0).unwrap();
    let deliver = |(position, event)| Delivered { event, position, at };
    events.into_iter().map(deliver).collect()
}

async fn apply<P: Projection>(t: &T, projection: P, events: &[Delivered<P::Event>]) -> Result<(), Rejection> {
    let mut cx = CallContext::root("test");
    let mut tx = t.db.begin(&mut cx).await?;
    projection.apply(&mut tx, events).await?;
    Ok(tx.commit_part().await?)
}

/// Applies `ProductChanged` events at their positions, in one transaction.
pub(crate) async fn apply_products(t: &T, events: &[(i64, &Product)]) {
    let events = events
        .iter()
        .map(|&(position, product)| (position, CatalogEvent::ProductChanged(product.clone())));
    apply(t, ProductsProjection, &delivered(events)).await.unwrap();
}

/// Applies `StockChanged` events at their positions, in one transaction.
pub(crate) async fn apply_stock(t: &T, events: &[(i64, Stock)]) -> Result<(), Rejection> {
    let events = events
        .iter()
        .map(|&(position, stock)| (position, InventoryEvent::StockChanged(stock)));
    apply(t, StockProjection, &delivered(events)).await
}

/// Clears both projections.
pub(crate) async fn clear_projections(t: &T) {
    let mut cx = CallContext::root("test");
    let mut tx = t.db.begin(&mut cx).await.unwrap();
    ProductsProjection.clear(&mut tx).await.unwrap();
    StockProjection.clear(&mut tx).await.unwrap();
    tx.commit_part().await.unwrap();
}
