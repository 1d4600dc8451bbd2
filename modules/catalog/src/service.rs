//! Use cases of the catalog: each method validates the request, opens the transaction and returns the result. Contains
//! neither SQL nor business rules.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use async_trait::async_trait;
use catalog_api::v1::{
    AddOutcome, CatalogApi, CatalogError, CatalogEvent, NewProduct, PriceChange, PriceOutcome, PricePoint, Product,
    ProductChanges, ProductId,
};
use offshoot_contract::{CallContext, CallFailure, Money, Page, PageSize, Timestamp, page_token};
use offshoot_db::{List, Queries, Tx};
use offshoot_outbox::Publish as _;

use crate::browse::Listing;
use crate::bulk::{Additions, PriceRecording, ProductPrice};
use crate::domain::AcceptedProduct;
use crate::{Catalog, domain, store, validation};

#[async_trait]
impl CatalogApi for Catalog {
    async fn product(&self, cx: &mut CallContext, id: ProductId) -> Result<Product, CatalogError> {
        let mut read = self.db.read(cx).await?;
        load_product(&mut read, id).await
    }

    async fn products_by_id(&self, cx: &mut CallContext, ids: Vec<ProductId>) -> Result<Vec<Product>, CatalogError> {
        validation::check_bulk(ids.len())?;
        let mut read = self.db.read(cx).await?;
        let distinct: BTreeSet<ProductId> = ids.iter().copied().collect();
        let products = store::products(&mut read, distinct.into_iter().collect()).await?;
        let by_id: HashMap<ProductId, Product> = products.into_iter().map(|product| (product.id, product)).collect();
        Ok(ids.iter().filter_map(|id| by_id.get(id).cloned()).collect())
    }

    async fn browse(
        &self,
        cx: &mut CallContext,
        search: Option<String>,
        category: Option<String>,
        page_size: Option<u32>,
        page_token: Option<String>,
    ) -> Result<Page<Product>, CatalogError> {
        let listing = Listing::from_request(search.as_deref(), category)?;
        let after = listing.position_after(page_token.as_deref())?;
        if listing.is_always_empty() {
            return Ok(Page {
                items: Vec::new(),
                next_page_token: None,
            });
        }
        let size = PageSize::resolve(page_size);
        let mut read = self.db.read(cx).await?;
        let products = store::listing::page(&mut read, &listing, &after, size + 1).await?;
        let page = page_token::paginate(products, size, |(position, _)| listing.token_after(position));
        Ok(page.map(|(_, product)| product))
    }

    async fn price_history(
        &self,
        cx: &mut CallContext,
        id: ProductId,
        page_size: Option<u32>,
        page_token: Option<String>,
    ) -> Result<Page<PricePoint>, CatalogError> {
        let name = id.to_string();
        let list = ["prices", name.as_str()];
        let since = |key: &str| Timestamp::from_micros(key.parse().ok()?).ok();
        let before = page_token::position_after(&list, page_token.as_deref(), since)
            .map_err(|_| CatalogError::BadPageToken)?
            // The latest possible time, after the start of any price.
            .unwrap_or_else(|| self.clock.now().plus(Duration::MAX));
        let size = PageSize::resolve(page_size);
        let mut read = self.db.read(cx).await?;
        let prices = store::prices::history(&mut read, id, before, size + 1).await?;
        // Every product has a price from its creation on.
        if prices.is_empty() {
            return Err(CatalogError::UnknownProduct { id });
        }
        Ok(page_token::paginate(prices, size, |last| {
            page_token::encode(&list, &last.since.as_micros().to_string())
        }))
    }

    async fn add(&self, cx: &mut CallContext, product: NewProduct) -> Result<Product, CatalogError> {
        let now = self.clock.now();
        let new = domain::accept(product, ProductId::new(now), now)?;
        let mut tx = self.db.begin(cx).await?;
        let id_by_sku = add_missing(&mut tx, std::slice::from_ref(&new)).await?;
        let product = new.product;
        match id_by_sku.get(&product.sku) {
            Some(&id) if id != product.id => Err(CatalogError::DuplicateSku { sku: product.sku, id }),
            _ => Ok(tx.commit(product).await?),
        }
    }

    async fn add_many(&self, cx: &mut CallContext, products: Vec<NewProduct>) -> Result<Vec<AddOutcome>, CatalogError> {
        validation::check_bulk(products.len())?;
        let additions = Additions::plan(products, self.clock.now());
        let mut tx = self.db.begin(cx).await?;
        let id_by_sku = add_missing(&mut tx, &additions.accepted).await?;
        Ok(tx.commit(additions.outcomes(&id_by_sku)).await?)
    }

    async fn change(
        &self,
        cx: &mut CallContext,
        id: ProductId,
        version: u32,
        changes: ProductChanges,
    ) -> Result<Product, CatalogError> {
        validation::check_changes(&changes)?;
        let mut tx = self.db.begin(cx).await?;
        let product = load_product(&mut tx, id).await?;
        let changed = domain::change(&product, version, changes, self.clock.now())?;
        if changed != product {
            if !store::change(&mut tx, &changed, version).await? {
                // A concurrent call changed the product after this call read it.
                return Err(domain::version_conflict(&load_product(&mut tx, id).await?, version));
            }
            publish_changes(&mut tx, [changed.clone()]).await?;
        }
        Ok(tx.commit(changed).await?)
    }

    async fn discontinue(&self, cx: &mut CallContext, id: ProductId) -> Result<Product, CatalogError> {
        let mut tx = self.db.begin(cx).await?;
        let is_changed = store::discontinue(&mut tx, id, self.clock.now()).await?;
        let product = load_product(&mut tx, id).await?;
        if is_changed {
            publish_changes(&mut tx, [product.clone()]).await?;
        }
        Ok(tx.commit(product).await?)
    }

    async fn reprice(&self, cx: &mut CallContext, id: ProductId, price: Money) -> Result<Product, CatalogError> {
        validation::check_price(price)?;
        let mut tx = self.db.begin(cx).await?;
        let since = store::prices::set_current(&mut tx, id, price, self.clock.now()).await?;
        let product = load_product(&mut tx, id).await?;
        if let Some(since) = since {
            store::prices::record_history(&mut tx, vec![ProductPrice { id, since, price }]).await?;
            publish_changes(&mut tx, [product.clone()]).await?;
        }
        Ok(tx.commit(product).await?)
    }

    async fn record_prices(
        &self,
        cx: &mut CallContext,
        prices: Vec<PriceChange>,
    ) -> Result<Vec<PriceOutcome>, CatalogError> {
        validation::check_bulk(prices.len())?;
        let skus: BTreeSet<&str> = prices.iter().map(|change| change.sku.as_str()).collect();
        let valid_skus = skus.into_iter().filter(|sku| validation::is_sku(sku));
        let valid_skus = valid_skus.map(str::to_owned).collect();
        let mut tx = self.db.begin(cx).await?;
        let existing = store::prices::lock_current(&mut tx, valid_skus).await?;
        let recording = PriceRecording::plan(prices, &existing, self.clock.now());
        let repriced = recording.repriced(&existing);
        store::prices::record_history(&mut tx, recording.points).await?;
        store::prices::set_many_current(&mut tx, recording.current).await?;
        let repriced = store::products(&mut tx, repriced).await?;
        publish_changes(&mut tx, repriced).await?;
        Ok(tx.commit(recording.outcomes).await?)
    }
}

async fn load_product(db: &mut Queries, id: ProductId) -> Result<Product, CatalogError> {
    let product = store::product(db, id).await?;
    product.ok_or(CatalogError::UnknownProduct { id })
}

/// Publishes the current state of these products. Must run in the transaction of the change.
async fn publish_changes(tx: &mut Tx<'_>, products: impl IntoIterator<Item = Product>) -> Result<(), CallFailure> {
    let events: Vec<_> = products.into_iter().map(CatalogEvent::ProductChanged).collect();
    tx.publish_all(&events).await
}

/// Inserts the products whose SKU does not exist yet, with their first prices. Returns the id of each SKU afterwards.
async fn add_missing(tx: &mut Tx<'_>, products: &[AcceptedProduct]) -> Result<HashMap<String, ProductId>, CallFailure> {
    store::add_missing(tx, products).await?;
    let skus: List<String> = products.iter().map(|new| new.product.sku.clone()).collect();
    let id_by_sku = store::ids_by_sku(tx, skus).await?;
    let is_added = |new: &&AcceptedProduct| id_by_sku.get(&new.product.sku) == Some(&new.product.id);
    let added = products.iter().filter(is_added);
    let first_prices = added.map(|new| ProductPrice {
        id: new.product.id,
        since: new.price_since,
        price: new.product.price,
    });
    store::prices::record_history(tx, first_prices.collect()).await?;
    let added = products.iter().filter(is_added);
    publish_changes(tx, added.map(|new| new.product.clone())).await?;
    Ok(id_by_sku)
}
