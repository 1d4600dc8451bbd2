//! The use cases of the catalog: checks what is asked, opens the transaction, answers. No SQL, no rule of its own.

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
use crate::bulk::{Additions, PricePointOf, Recording};
use crate::domain::AcceptedProduct;
use crate::{Catalog, domain, store, validation};

#[async_trait]
impl CatalogApi for Catalog {
    async fn product(&self, cx: &mut CallContext, id: ProductId) -> Result<Product, CatalogError> {
        let mut read = self.db.read(cx).await?;
        known(&mut read, id).await
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
        let listing = Listing::of(search.as_deref(), category)?;
        let after = listing.open(page_token.as_deref())?;
        if listing.is_surely_empty() {
            return Ok(Page {
                items: Vec::new(),
                next_page_token: None,
            });
        }
        let size = PageSize::of(page_size);
        let mut read = self.db.read(cx).await?;
        let products = store::listing::page(&mut read, &listing, &after, size + 1).await?;
        let page = page_token::page(products, size, |(place, _)| listing.token(place));
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
        let before = match page_token {
            // The end of time: later than any price.
            None => self.clock.now().plus(Duration::MAX),
            Some(token) => page_token::open(&list, &token)
                .and_then(|key| Timestamp::from_micros(key.parse().ok()?).ok())
                .ok_or(CatalogError::BadPageToken)?,
        };
        let size = PageSize::of(page_size);
        let mut read = self.db.read(cx).await?;
        let prices = store::prices::history(&mut read, id, before, size + 1).await?;
        // A product has a price from the moment it is there.
        if prices.is_empty() {
            return Err(CatalogError::UnknownProduct { id });
        }
        Ok(page_token::page(prices, size, |last| {
            page_token::issue(&list, &last.since.as_micros().to_string())
        }))
    }

    async fn add(&self, cx: &mut CallContext, product: NewProduct) -> Result<Product, CatalogError> {
        let now = self.clock.now();
        let new = domain::accept(product, ProductId::new(now), now)?;
        let mut tx = self.db.begin(cx).await?;
        let holders = add_missing(&mut tx, std::slice::from_ref(&new)).await?;
        let product = new.product;
        match holders.get(&product.sku) {
            Some(&id) if id != product.id => Err(CatalogError::DuplicateSku { sku: product.sku, id }),
            _ => Ok(tx.commit(product).await?),
        }
    }

    async fn add_many(&self, cx: &mut CallContext, products: Vec<NewProduct>) -> Result<Vec<AddOutcome>, CatalogError> {
        validation::check_bulk(products.len())?;
        let additions = Additions::of(products, self.clock.now());
        let mut tx = self.db.begin(cx).await?;
        let holders = add_missing(&mut tx, &additions.accepted).await?;
        Ok(tx.commit(additions.outcomes(&holders)).await?)
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
        let product = known(&mut tx, id).await?;
        let changed = domain::change(&product, version, changes, self.clock.now())?;
        if changed != product {
            if !store::change(&mut tx, &changed, version).await? {
                // Somebody else was faster, after it was read here.
                return Err(domain::version_conflict(&known(&mut tx, id).await?, version));
            }
            announce(&mut tx, [changed.clone()]).await?;
        }
        Ok(tx.commit(changed).await?)
    }

    async fn discontinue(&self, cx: &mut CallContext, id: ProductId) -> Result<Product, CatalogError> {
        let mut tx = self.db.begin(cx).await?;
        let is_new = store::discontinue(&mut tx, id, self.clock.now()).await?;
        let product = known(&mut tx, id).await?;
        if is_new {
            announce(&mut tx, [product.clone()]).await?;
        }
        Ok(tx.commit(product).await?)
    }

    async fn reprice(&self, cx: &mut CallContext, id: ProductId, price: Money) -> Result<Product, CatalogError> {
        validation::check_price(price)?;
        let mut tx = self.db.begin(cx).await?;
        let since = store::prices::set(&mut tx, id, price, self.clock.now()).await?;
        let product = known(&mut tx, id).await?;
        if let Some(since) = since {
            store::prices::record(&mut tx, vec![PricePointOf { id, since, price }]).await?;
            announce(&mut tx, [product.clone()]).await?;
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
        let possible = skus.into_iter().filter(|sku| validation::is_sku(sku));
        let possible = possible.map(str::to_owned).collect();
        let mut tx = self.db.begin(cx).await?;
        let known = store::prices::lock(&mut tx, possible).await?;
        let recording = Recording::of(prices, &known, self.clock.now());
        let repriced = recording.repriced(&known);
        store::prices::record(&mut tx, recording.points).await?;
        store::prices::set_many(&mut tx, recording.current).await?;
        let repriced = store::products(&mut tx, repriced).await?;
        announce(&mut tx, repriced).await?;
        Ok(tx.commit(recording.outcomes).await?)
    }
}

async fn known(db: &mut Queries, id: ProductId) -> Result<Product, CatalogError> {
    let product = store::product(db, id).await?;
    product.ok_or(CatalogError::UnknownProduct { id })
}

/// Announces how these products are now. Call it in the transaction that changed them.
async fn announce(tx: &mut Tx<'_>, products: impl IntoIterator<Item = Product>) -> Result<(), CallFailure> {
    let events: Vec<_> = products.into_iter().map(CatalogEvent::ProductChanged).collect();
    tx.publish_all(&events).await
}

/// Adds the products whose SKU nobody has, with their first prices. Answers who has each SKU now.
async fn add_missing(tx: &mut Tx<'_>, products: &[AcceptedProduct]) -> Result<HashMap<String, ProductId>, CallFailure> {
    store::add_missing(tx, products).await?;
    let skus: List<String> = products.iter().map(|new| new.product.sku.clone()).collect();
    let holders = store::ids_by_sku(tx, skus).await?;
    let is_added = |new: &&AcceptedProduct| holders.get(&new.product.sku) == Some(&new.product.id);
    let added = products.iter().filter(is_added);
    let first_prices = added.map(|new| PricePointOf {
        id: new.product.id,
        since: new.price_since,
        price: new.product.price,
    });
    store::prices::record(tx, first_prices.collect()).await?;
    let added = products.iter().filter(is_added);
    announce(tx, added.map(|new| new.product.clone())).await?;
    Ok(holders)
}
