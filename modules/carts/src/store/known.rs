//! The copy of the catalog's products as rows. SQL only.

use catalog_api::v1::{Product, ProductId, ProductStatus};
use offshoot_contract::{CallFailure, Money};
use offshoot_db::{List, Queries, Tx, sql};

use super::currency;
use crate::domain::Offer;

/// Id, SKU, name, price, currency, status, version.
pub(crate) type Row = (ProductId, String, String, i64, String, String, i64);

pub(crate) fn row(product: &Product) -> Row {
    (
        product.id,
        product.sku.clone(),
        product.name.clone(),
        product.price.ten_thousandths(),
        product.price.currency().to_string(),
        status_text(product.status).to_owned(),
        i64::from(product.version),
    )
}

/// Writes products as they are at these versions. What is there of a later one stays.
pub(crate) async fn put(tx: &mut Tx<'_>, rows: Vec<Row>) -> Result<(), CallFailure> {
    let sql = sql!(
        "INSERT INTO known_products (product_id, sku, name, price, currency, status, version) VALUES $rows \
         ON CONFLICT (product_id) DO UPDATE SET sku = excluded.sku, name = excluded.name, price = excluded.price, \
         currency = excluded.currency, status = excluded.status, version = excluded.version \
         WHERE known_products.version < excluded.version"
    );
    tx.insert_many(sql, rows).await.map(drop)
}

pub(crate) async fn clear(tx: &mut Tx<'_>) -> Result<(), CallFailure> {
    tx.execute(sql!("DELETE FROM known_products"), ()).await.map(drop)
}

/// Those of these products that are known, in no order.
pub(crate) async fn offers(read: &mut Queries, ids: List<ProductId>) -> Result<Vec<Offer>, CallFailure> {
    let sql = sql!(
        sqlite: "SELECT product_id, sku, name, price, currency, status FROM known_products \
                 WHERE product_id IN (SELECT unhex(value) FROM json_each($1))",
        postgres: "SELECT product_id, sku, name, price, currency, status FROM known_products WHERE product_id = ANY($1)",
    );
    let rows: Vec<(ProductId, String, String, i64, String, String)> = read.fetch_all(sql, (ids,)).await?;
    let offer = |(id, sku, name, price, code, status): (ProductId, String, String, i64, String, String)| {
        let is_sold = status == status_text(ProductStatus::Active);
        Ok(Offer {
            id,
            sku,
            name,
            price: Money::new(price, currency(&code)?),
            status: if is_sold {
                ProductStatus::Active
            } else {
                ProductStatus::Discontinued
            },
        })
    };
    rows.into_iter().map(offer).collect()
}

fn status_text(status: ProductStatus) -> &'static str {
    match status {
        ProductStatus::Active => "active",
        ProductStatus::Discontinued => "discontinued",
    }
}
