//! SQL of the product tables. Runs in the caller's transaction or read and makes no decisions.

use std::collections::HashMap;

use catalog_api::v1::{Product, ProductId, ProductStatus};
use offshoot_contract::{CallFailure, Currency, Money, Timestamp};
use offshoot_db::{List, Name, Queries, Tx, sql};

use crate::domain::AcceptedProduct;
use crate::search::words;

/// The columns of a [`ProductRow`].
macro_rules! product_columns {
    () => {
        "id, sku, name, description, category, price, currency, status, version, created_at, updated_at"
    };
}

// Pages of a product list.
pub(crate) mod listing;
// Current prices and the price history.
pub(crate) mod prices;

offshoot_db::row! {
    /// A row of `products`.
    struct ProductRow {
        id: ProductId,
        sku: String,
        name: String,
        description: String,
        category: String,
        price: i64,
        currency: Currency,
        status: Name<ProductStatus>,
        version: i64,
        created_at: Timestamp,
        updated_at: Timestamp,
    }
}

/// Finds a product by id.
pub(crate) async fn product(db: &mut Queries, id: ProductId) -> Result<Option<Product>, CallFailure> {
    let sql = sql!(concat!("SELECT ", product_columns!(), " FROM products WHERE id = $1"));
    let row: Option<ProductRow> = db.fetch_optional(sql, (id,)).await?;
    row.map(ProductRow::into_product).transpose()
}

/// Finds the products with these ids, in no particular order.
pub(crate) async fn products(db: &mut Queries, ids: List<ProductId>) -> Result<Vec<Product>, CallFailure> {
    let sql = sql!(
        sqlite: concat!(
            "SELECT ", product_columns!(), " FROM products WHERE id IN (SELECT unhex(value) FROM json_each($1))"
        ),
        postgres: concat!("SELECT ", product_columns!(), " FROM products WHERE id = ANY($1)"),
    );
    let rows: Vec<ProductRow> = db.fetch_all(sql, (ids,)).await?;
    rows.into_iter().map(ProductRow::into_product).collect()
}

/// Maps each of these SKUs that exists to the id of its product.
pub(crate) async fn ids_by_sku(
    db: &mut Queries,
    skus: List<String>,
) -> Result<HashMap<String, ProductId>, CallFailure> {
    let sql = sql!(
        sqlite: "SELECT sku, id FROM products WHERE sku IN (SELECT value FROM json_each($1))",
        postgres: "SELECT sku, id FROM products WHERE sku = ANY($1)",
    );
    let rows: Vec<(String, ProductId)> = db.fetch_all(sql, (skus,)).await?;
    Ok(rows.into_iter().collect())
}

/// Inserts the products whose SKU does not exist yet.
pub(crate) async fn add_missing(tx: &mut Tx<'_>, products: &[AcceptedProduct]) -> Result<(), CallFailure> {
    let rows = products.iter().map(|AcceptedProduct { product, price_since }| {
        (
            product.id,
            product.sku.clone(),
            product.name.clone(),
            product.description.clone(),
            product.category.clone(),
            product.price.ten_thousandths(),
            product.price.currency(),
            *price_since,
            Name(product.status),
            i64::from(product.version),
            product.created_at,
            product.updated_at,
            words(&product.sku),
            words(&product.name),
            words(&product.description),
        )
    });
    let rows: Vec<_> = rows.collect();
    let sql = sql!(
        "INSERT INTO products (id, sku, name, description, category, price, currency, price_since, status, version, \
         created_at, updated_at, sku_words, name_words, description_words) VALUES $rows ON CONFLICT (sku) DO NOTHING"
    );
    tx.insert_many(sql, rows).await.map(drop)
}

/// Updates name, description and category if the product still has `version`. Returns false otherwise.
pub(crate) async fn change(tx: &mut Tx<'_>, product: &Product, version: u32) -> Result<bool, CallFailure> {
    let sql = sql!(
        "UPDATE products SET name = $3, description = $4, category = $5, version = $6, updated_at = $7, \
         name_words = $8, description_words = $9 WHERE id = $1 AND version = $2"
    );
    let values = (
        product.id,
        i64::from(version),
        product.name.as_str(),
        product.description.as_str(),
        product.category.as_str(),
        i64::from(product.version),
        product.updated_at,
        words(&product.name),
        words(&product.description),
    );
    Ok(tx.execute(sql, values).await? == 1)
}

/// Discontinues an active product. Returns false if the product is not active.
pub(crate) async fn discontinue(tx: &mut Tx<'_>, id: ProductId, now: Timestamp) -> Result<bool, CallFailure> {
    let sql = sql!(
        "UPDATE products SET status = 'discontinued', version = version + 1, updated_at = $2 \
         WHERE id = $1 AND status = 'active'"
    );
    Ok(tx.execute(sql, (id, now)).await? == 1)
}

impl ProductRow {
    fn into_product(self) -> Result<Product, CallFailure> {
        Ok(Product {
            price: Money::new(self.price, self.currency),
            version: version(self.version)?,
            status: self.status.0,
            id: self.id,
            sku: self.sku,
            name: self.name,
            description: self.description,
            category: self.category,
            created_at: self.created_at,
            updated_at: self.updated_at,
        })
    }
}

fn version(stored: i64) -> Result<u32, CallFailure> {
    u32::try_from(stored)
        .map_err(|error| CallFailure::internal("the catalog database contains a version out of range").caused_by(error))
}
