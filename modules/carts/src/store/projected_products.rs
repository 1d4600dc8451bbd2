//! SQL of the table `projected_products`, the projection of the catalog's products.

use catalog_api::v1::{Product, ProductId, ProductStatus};
use offshoot_contract::{CallFailure, Currency, Money};
use offshoot_db::{List, Name, Queries, Tx, sql};

use crate::domain::Offer;

/// Columns: id, SKU, name, price, currency, status, version.
pub(crate) type ProductRow = (ProductId, String, String, i64, Currency, Name<ProductStatus>, i64);

pub(crate) fn to_row(product: &Product) -> ProductRow {
    (
        product.id,
        product.sku.clone(),
        product.name.clone(),
        product.price.ten_thousandths(),
        product.price.currency(),
        Name(product.status),
        i64::from(product.version),
    )
}

/// Inserts or updates products. A row with the same or a later version is left unchanged.
pub(crate) async fn upsert(tx: &mut Tx<'_>, rows: Vec<ProductRow>) -> Result<(), CallFailure> {
    let sql = sql!(
        "INSERT INTO projected_products (product_id, sku, name, price, currency, status, version) VALUES $rows \
         ON CONFLICT (product_id) DO UPDATE SET sku = excluded.sku, name = excluded.name, price = excluded.price, \
         currency = excluded.currency, status = excluded.status, version = excluded.version \
         WHERE projected_products.version < excluded.version"
    );
    tx.insert_many(sql, rows).await.map(drop)
}

pub(crate) async fn clear(tx: &mut Tx<'_>) -> Result<(), CallFailure> {
    tx.execute(sql!("DELETE FROM projected_products"), ()).await.map(drop)
}

/// Finds the products with these ids, in no particular order.
pub(crate) async fn offers(read: &mut Queries, ids: List<ProductId>) -> Result<Vec<Offer>, CallFailure> {
    let sql = sql!(
        sqlite: "SELECT product_id, sku, name, price, currency, status FROM projected_products \
                 WHERE product_id IN (SELECT unhex(value) FROM json_each($1))",
        postgres: "SELECT product_id, sku, name, price, currency, status FROM projected_products WHERE product_id = ANY($1)",
    );
    type Row = (ProductId, String, String, i64, Currency, Name<ProductStatus>);
    let rows: Vec<Row> = read.fetch_all(sql, (ids,)).await?;
    let offer = |(id, sku, name, price, currency, status): Row| Offer {
        id,
        sku,
        name,
        price: Money::new(price, currency),
        status: status.0,
    };
    Ok(rows.into_iter().map(offer).collect())
}
