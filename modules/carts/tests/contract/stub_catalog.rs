//! A catalog in memory that a body fills, changes and breaks. Keeps as much of the contract as the carts use; whatever
//! else is asked of it fails.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use catalog_api::v1::{
    AddOutcome, CatalogApi, CatalogError, MAX_BULK_ITEMS, NewProduct, PriceChange, PriceOutcome, PricePoint, Product,
    ProductChanges, ProductId, ProductStatus,
};
use offshoot_contract::{CallContext, CallFailure, Contract, Edge, Money, Page, Timestamp};

/// What the carts are told of products.
#[derive(Default)]
pub(crate) struct StubCatalog(Mutex<State>);

#[derive(Default)]
struct State {
    products: HashMap<ProductId, Product>,
    error: Option<CatalogError>,
    hangs: bool,
}

impl StubCatalog {
    /// The catalog as the carts hold it.
    pub(crate) fn behind_its_edge(self: &Arc<Self>) -> Arc<dyn CatalogApi> {
        let api: Arc<dyn CatalogApi> = Arc::clone(self) as Arc<dyn CatalogApi>;
        <dyn CatalogApi as Contract>::object(Arc::new(Edge::new(api)))
    }

    /// Sells one more product. Its SKU is `sku`, its name `PRODUCT sku`.
    pub(crate) fn sells(&self, sku: &str, price: Money) -> ProductId {
        let time = Timestamp::from_micros(0).unwrap();
        let id = ProductId::new(time);
        let product = Product {
            id,
            sku: sku.to_owned(),
            name: format!("PRODUCT {sku}"),
            description: String::new(),
            category: "other".to_owned(),
            price,
            status: ProductStatus::Active,
            version: 1,
            created_at: time,
            updated_at: time,
        };
        self.state().products.insert(id, product);
        id
    }

    pub(crate) fn reprices(&self, id: ProductId, price: Money) {
        self.state().products.get_mut(&id).unwrap().price = price;
    }

    pub(crate) fn discontinues(&self, id: ProductId) {
        self.state().products.get_mut(&id).unwrap().status = ProductStatus::Discontinued;
    }

    pub(crate) fn loses(&self, id: ProductId) {
        self.state().products.remove(&id).unwrap();
    }

    /// Answers this to everything from now on.
    pub(crate) fn answers_only(&self, error: impl Into<CatalogError>) {
        self.state().error = Some(error.into());
    }

    /// Answers nothing from now on.
    pub(crate) fn hangs(&self) {
        self.state().hangs = true;
    }

    pub(crate) fn product_as_it_is(&self, id: ProductId) -> Product {
        self.state().products[&id].clone()
    }

    async fn hang_if_told(&self) {
        let hangs = self.state().hangs;
        if hangs {
            std::future::pending::<()>().await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    fn works(&self) -> Result<MutexGuard<'_, State>, CatalogError> {
        let state = self.state();
        state.error.clone().map_or(Ok(state), Err)
    }
}

fn unasked<T>() -> Result<T, CatalogError> {
    Err(CallFailure::internal("the carts have no business with this method of the catalog").into())
}

#[async_trait]
impl CatalogApi for StubCatalog {
    async fn product(&self, _: &mut CallContext, id: ProductId) -> Result<Product, CatalogError> {
        self.hang_if_told().await;
        self.works()?
            .products
            .get(&id)
            .cloned()
            .ok_or(CatalogError::UnknownProduct { id })
    }

    async fn products_by_id(&self, _: &mut CallContext, ids: Vec<ProductId>) -> Result<Vec<Product>, CatalogError> {
        if ids.len() > MAX_BULK_ITEMS {
            return Err(CallFailure::internal("the carts ask for too many products at once").into());
        }
        self.hang_if_told().await;
        let state = self.works()?;
        Ok(ids.iter().filter_map(|id| state.products.get(id).cloned()).collect())
    }

    async fn browse(
        &self,
        _: &mut CallContext,
        _: Option<String>,
        _: Option<String>,
        _: Option<u32>,
        _: Option<String>,
    ) -> Result<Page<Product>, CatalogError> {
        unasked()
    }

    async fn price_history(
        &self,
        _: &mut CallContext,
        _: ProductId,
        _: Option<u32>,
        _: Option<String>,
    ) -> Result<Page<PricePoint>, CatalogError> {
        unasked()
    }

    async fn add(&self, _: &mut CallContext, _: NewProduct) -> Result<Product, CatalogError> {
        unasked()
    }

    async fn add_many(&self, _: &mut CallContext, _: Vec<NewProduct>) -> Result<Vec<AddOutcome>, CatalogError> {
        unasked()
    }

    async fn change(
        &self,
        _: &mut CallContext,
        _: ProductId,
        _: u32,
        _: ProductChanges,
    ) -> Result<Product, CatalogError> {
        unasked()
    }

    async fn discontinue(&self, _: &mut CallContext, _: ProductId) -> Result<Product, CatalogError> {
        unasked()
    }

    async fn reprice(&self, _: &mut CallContext, _: ProductId, _: Money) -> Result<Product, CatalogError> {
        unasked()
    }

    async fn record_prices(&self, _: &mut CallContext, _: Vec<PriceChange>) -> Result<Vec<PriceOutcome>, CatalogError> {
        unasked()
    }
}

pub(crate) fn pounds(amount: &str) -> Money {
    Money::parse(amount, Money::GBP).unwrap()
}

pub(crate) fn euros(amount: &str) -> Money {
    Money::parse(amount, "EUR".parse().unwrap()).unwrap()
}
