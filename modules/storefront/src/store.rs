//! The copies as rows. Takes a transaction or a read and decides nothing.

use catalog_api::v1::{Product, ProductId, ProductStatus};
use offshoot_contract::{CallFailure, Money};
use offshoot_db::{Queries, Tx, sql};
use storefront_api::v1::Listing;

/// The columns of a [`ListingRow`], and where they come from.
macro_rules! listings {
    () => {
        "p.product_id, p.sku, p.name, p.description, p.category, p.price, p.currency, p.status, \
         COALESCE(s.available, 0) AS available \
         FROM products_copy p LEFT JOIN stock_copy s ON s.product_id = p.product_id"
    };
}

/// Id, SKU, name, description, category, price, currency, status, position.
pub(crate) type ProductRow = (ProductId, String, String, String, String, i64, String, String, i64);
/// Id, units that can be had, position.
pub(crate) type StockRow = (ProductId, i64, i64);

/// A product as it is shown, as it is stored.
#[derive(sqlx::FromRow)]
struct ListingRow {
    product_id: ProductId,
    sku: String,
    name: String,
    description: String,
    category: String,
    price: i64,
    currency: String,
    status: String,
    available: i64,
}

/// Which products are asked for, and after which place in the order of SKU and id.
#[derive(Debug, Clone)]
pub(crate) struct Asked<'a> {
    pub(crate) category: Option<&'a str>,
    pub(crate) in_stock: Option<bool>,
    pub(crate) after: (String, ProductId),
}

pub(crate) fn product_row(product: &Product, position: i64) -> ProductRow {
    (
        product.id,
        product.sku.clone(),
        product.name.clone(),
        product.description.clone(),
        product.category.clone(),
        product.price.ten_thousandths(),
        product.price.currency().to_string(),
        status_text(product.status).to_owned(),
        position,
    )
}

/// Writes products as they are at these positions. What is there of a later one stays.
pub(crate) async fn put_products(tx: &mut Tx<'_>, rows: Vec<ProductRow>) -> Result<(), CallFailure> {
    let sql = sql!(
        "INSERT INTO products_copy (product_id, sku, name, description, category, price, currency, status, position) \
         VALUES $rows ON CONFLICT (product_id) DO UPDATE SET sku = excluded.sku, name = excluded.name, \
         description = excluded.description, category = excluded.category, price = excluded.price, \
         currency = excluded.currency, status = excluded.status, position = excluded.position \
         WHERE products_copy.position < excluded.position"
    );
    tx.insert_many(sql, rows).await.map(drop)
}

/// Writes what can be had at these positions. What is there of a later one stays.
pub(crate) async fn put_stock(tx: &mut Tx<'_>, rows: Vec<StockRow>) -> Result<(), CallFailure> {
    let sql = sql!(
        "INSERT INTO stock_copy (product_id, available, position) VALUES $rows \
         ON CONFLICT (product_id) DO UPDATE SET available = excluded.available, position = excluded.position \
         WHERE stock_copy.position < excluded.position"
    );
    tx.insert_many(sql, rows).await.map(drop)
}

pub(crate) async fn clear_products(tx: &mut Tx<'_>) -> Result<(), CallFailure> {
    tx.execute(sql!("DELETE FROM products_copy"), ()).await.map(drop)
}

pub(crate) async fn clear_stock(tx: &mut Tx<'_>) -> Result<(), CallFailure> {
    tx.execute(sql!("DELETE FROM stock_copy"), ()).await.map(drop)
}

/// One product; none if the id is unknown.
pub(crate) async fn listing(read: &mut Queries, id: ProductId) -> Result<Option<Listing>, CallFailure> {
    let sql = sql!(concat!("SELECT ", listings!(), " WHERE p.product_id = $1"));
    let row: Option<ListingRow> = read.fetch_optional(sql, (id,)).await?;
    row.map(ListingRow::into_listing).transpose()
}

/// Products that are sold, in the order of SKU and id, at most `limit`.
pub(crate) async fn page(read: &mut Queries, asked: &Asked<'_>, limit: u32) -> Result<Vec<Listing>, CallFailure> {
    let ((sku, id), limit) = (&asked.after, i64::from(limit));
    let rows: Vec<ListingRow> = match asked.category {
        None => {
            let sql = sql!(concat!(
                "SELECT ",
                listings!(),
                " WHERE p.status = 'active' AND (p.sku, p.product_id) > ($1, $2) \
                 AND ($3 IS NULL OR (COALESCE(s.available, 0) > 0) = $3) ORDER BY p.sku, p.product_id LIMIT $4"
            ));
            read.fetch_all(sql, (sku, *id, asked.in_stock, limit)).await?
        }
        Some(category) => {
            let sql = sql!(concat!(
                "SELECT ",
                listings!(),
                " WHERE p.status = 'active' AND p.category = $5 AND (p.sku, p.product_id) > ($1, $2) \
                 AND ($3 IS NULL OR (COALESCE(s.available, 0) > 0) = $3) ORDER BY p.sku, p.product_id LIMIT $4"
            ));
            read.fetch_all(sql, (sku, *id, asked.in_stock, limit, category)).await?
        }
    };
    rows.into_iter().map(ListingRow::into_listing).collect()
}

impl ListingRow {
    fn into_listing(self) -> Result<Listing, CallFailure> {
        // The schema checks what is stored, so a failure means that it was bypassed.
        let currency = self.currency.parse().map_err(|error| {
            CallFailure::internal("the storefront's database holds a price without a currency").caused_by(error)
        })?;
        let available = u64::try_from(self.available).map_err(|error| {
            CallFailure::internal("the storefront's database holds a stock below zero").caused_by(error)
        })?;
        let is_sold = self.status == status_text(ProductStatus::Active);
        Ok(Listing {
            product_id: self.product_id,
            sku: self.sku,
            name: self.name,
            description: self.description,
            category: self.category,
            price: Money::new(self.price, currency),
            status: if is_sold {
                ProductStatus::Active
            } else {
                ProductStatus::Discontinued
            },
            available,
        })
    }
}

fn status_text(status: ProductStatus) -> &'static str {
    match status {
        ProductStatus::Active => "active",
        ProductStatus::Discontinued => "discontinued",
    }
}
