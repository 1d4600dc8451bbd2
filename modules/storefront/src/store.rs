//! SQL of the tables `projected_products` and `projected_stock`. Runs in the caller's transaction or read and decides
//! nothing.

use catalog_api::v1::{Product, ProductId, ProductStatus};
use offshoot_contract::{CallFailure, Currency, Money};
use offshoot_db::{Name, Queries, Tx, sql};
use storefront_api::v1::Listing;

/// Columns of a [`ListingRow`] and the joined tables.
macro_rules! listings {
    () => {
        "p.product_id, p.sku, p.name, p.description, p.category, p.price, p.currency, p.status, \
         COALESCE(s.available, 0) AS available \
         FROM projected_products p LEFT JOIN projected_stock s ON s.product_id = p.product_id"
    };
}

/// Row of a projected product: id, SKU, name, description, category, price, currency, status, position.
pub(crate) type ProductRow = (
    ProductId,
    String,
    String,
    String,
    String,
    i64,
    Currency,
    Name<ProductStatus>,
    i64,
);
/// Row of projected stock: product id, available units, position.
pub(crate) type StockRow = (ProductId, i64, i64);

offshoot_db::row! {
    /// A projected product with its stock.
    struct ListingRow {
        product_id: ProductId,
        sku: String,
        name: String,
        description: String,
        category: String,
        price: i64,
        currency: Currency,
        status: Name<ProductStatus>,
        available: i64,
    }
}

/// Filters of a listing, and the SKU and id after which the page begins.
#[derive(Debug, Clone)]
pub(crate) struct BrowseQuery<'a> {
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
        product.price.currency(),
        Name(product.status),
        position,
    )
}

/// Inserts or updates products. A row from a later position stays.
pub(crate) async fn upsert_products(tx: &mut Tx<'_>, rows: Vec<ProductRow>) -> Result<(), CallFailure> {
    let sql = sql!(
        "INSERT INTO projected_products \
         (product_id, sku, name, description, category, price, currency, status, position) \
         VALUES $rows ON CONFLICT (product_id) DO UPDATE SET sku = excluded.sku, name = excluded.name, \
         description = excluded.description, category = excluded.category, price = excluded.price, \
         currency = excluded.currency, status = excluded.status, position = excluded.position \
         WHERE projected_products.position < excluded.position"
    );
    tx.insert_many(sql, rows).await.map(drop)
}

/// Inserts or updates stock. A row from a later position stays.
pub(crate) async fn upsert_stock(tx: &mut Tx<'_>, rows: Vec<StockRow>) -> Result<(), CallFailure> {
    let sql = sql!(
        "INSERT INTO projected_stock (product_id, available, position) VALUES $rows \
         ON CONFLICT (product_id) DO UPDATE SET available = excluded.available, position = excluded.position \
         WHERE projected_stock.position < excluded.position"
    );
    tx.insert_many(sql, rows).await.map(drop)
}

pub(crate) async fn clear_products(tx: &mut Tx<'_>) -> Result<(), CallFailure> {
    tx.execute(sql!("DELETE FROM projected_products"), ()).await.map(drop)
}

pub(crate) async fn clear_stock(tx: &mut Tx<'_>) -> Result<(), CallFailure> {
    tx.execute(sql!("DELETE FROM projected_stock"), ()).await.map(drop)
}

/// One product, active or discontinued; `None` if the id is unknown.
pub(crate) async fn find_listing(read: &mut Queries, id: ProductId) -> Result<Option<Listing>, CallFailure> {
    let sql = sql!(concat!("SELECT ", listings!(), " WHERE p.product_id = $1"));
    let row: Option<ListingRow> = read.fetch_optional(sql, (id,)).await?;
    row.map(ListingRow::into_listing).transpose()
}

/// Active products in the order of SKU and id, at most `limit`.
pub(crate) async fn browse(
    read: &mut Queries,
    query: &BrowseQuery<'_>,
    limit: u32,
) -> Result<Vec<Listing>, CallFailure> {
    let ((sku, id), limit) = (&query.after, i64::from(limit));
    let rows: Vec<ListingRow> = match query.category {
        None => {
            let sql = sql!(concat!(
                "SELECT ",
                listings!(),
                " WHERE p.status = 'active' AND (p.sku, p.product_id) > ($1, $2) \
                 AND ($3 IS NULL OR (COALESCE(s.available, 0) > 0) = $3) ORDER BY p.sku, p.product_id LIMIT $4"
            ));
            read.fetch_all(sql, (sku, *id, query.in_stock, limit)).await?
        }
        Some(category) => {
            let sql = sql!(concat!(
                "SELECT ",
                listings!(),
                " WHERE p.status = 'active' AND p.category = $5 AND (p.sku, p.product_id) > ($1, $2) \
                 AND ($3 IS NULL OR (COALESCE(s.available, 0) > 0) = $3) ORDER BY p.sku, p.product_id LIMIT $4"
            ));
            read.fetch_all(sql, (sku, *id, query.in_stock, limit, category)).await?
        }
    };
    rows.into_iter().map(ListingRow::into_listing).collect()
}

impl ListingRow {
    fn into_listing(self) -> Result<Listing, CallFailure> {
        // The schema checks the stored values, so a failure means that the schema was bypassed.
        let available = u64::try_from(self.available).map_err(|error| {
            CallFailure::internal("the storefront database contains a negative stock").caused_by(error)
        })?;
        Ok(Listing {
            product_id: self.product_id,
            sku: self.sku,
            name: self.name,
            description: self.description,
            category: self.category,
            price: Money::new(self.price, self.currency),
            status: self.status.0,
            available,
        })
    }
}
