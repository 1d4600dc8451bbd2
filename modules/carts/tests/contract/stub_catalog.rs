//! In-memory stub of the catalog that tests fill, change and break. Implements the methods that the carts use; all
//! other methods fail.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use catalog_api::v1::{
    AddOutcome, CatalogApi, CatalogError, MAX_BULK_ITEMS, NewProduct, PriceChange, PriceOutcome, PricePoint, Product,
    ProductChanges, ProductId, ProductStatus,
};
use offshoot_contract::{CallContext, CallFailure, Contract, Edge, Money, Page, Timestamp};

/// Stub of the catalog with failure injection.
#[derive(Default)]
pub(crate) struct StubCatalog(Mutex<State>);

#[derive(Default)]
struct State {
    products: HashMap<ProductId, Product>,
    error: Option<CatalogError>,
    hangs: bool,
}

impl StubCatalog {
    /// The stub behind an edge, as the carts call the catalog.
    pub(crate) fn behind_edge(self: &Arc<Self>) -> Arc<dyn CatalogApi> {
        let api: Arc<dyn CatalogApi> = Arc::clone(self) as Arc<dyn CatalogApi>;
        <dyn CatalogApi as Contract>::new_proxy(Arc::new(Edge::new(api)))
    }

    /// Adds an active product with SKU `sku` and name `PRODUCT sku`.
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

    pub(crate) fn deletes(&self, id: ProductId) {
        self.state().products.remove(&id).unwrap();
    }

    /// Makes every call fail with `error` from now on.
    pub(crate) fn fails_with(&self, error: impl Into<CatalogError>) {
        self.state().error = Some(error.into());
    }

    /// Makes every call hang from now on.
    pub(crate) fn hangs(&self) {
        self.state().hangs = true;
    }

    pub(crate) fn current_product(&self, id: ProductId) -> Product {
        self.state().products[&id].clone()
    }

    async fn hang_if_set(&self) {
        let hangs = self.state().hangs;
        if hangs {
            std::future::pending::<()>().await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    fn available(&self) -> Result<MutexGuard<'_, State>, CatalogError> {
        let state = self.state();
        state.error.clone().map_or(Ok(state), Err)
    }
}

fn unexpected_call<T>() -> Result<T, CatalogError> {
    Err(CallFailure::internal("the carts must not call this method of the catalog").into())
}

#[async_trait]
impl CatalogApi for StubCatalog {
    async fn product(&self, _: &mut CallContext, id: ProductId) -> Result<Product, CatalogError> {
        self.hang_if_set().await;
        self.available()?
            .products
            .get(&id)
            .cloned()
            .ok_or(CatalogError::UnknownProduct { id })
    }

    async fn products_by_id(&self, _: &mut CallContext, ids: Vec<ProductId>) -> Result<Vec<Product>, CatalogError> {
        if ids.len() > MAX_BULK_ITEMS {
            return Err(CallFailure::internal("the carts requested too many products at once").into());
        }
        self.hang_if_set().await;
        let state = self.available()?;
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
        unexpected_call()
    }

    async fn price_history(
        &self,
        _: &mut CallContext,
        _: ProductId,
        _: Option<u32>,
        _: Option<String>,
    ) -> Result<Page<PricePoint>, CatalogError> {
        unexpected_call()
    }

    async fn add(&self, _: &mut CallContext, _: NewProduct) -> Result<Product, CatalogError> {
        unexpected_call()
    }

    async fn add_many(&self, _: &mut CallContext, _: Vec<NewProduct>) -> Result<Vec<AddOutcome>, CatalogError> {
        unexpected_call()
    }

    async fn change(
        &self,
        _: &mut CallContext,
        _: ProductId,
        _: u32,
        _: ProductChanges,
    ) -> Result<Product, CatalogError> {
        unexpected_call()
    }

    async fn discontinue(&self, _: &mut CallContext, _: ProductId) -> Result<Product, CatalogError> {
        unexpected_call()
    }

    async fn reprice(&self, _: &mut CallContext, _: ProductId, _: Money) -> Result<Product, CatalogError> {
        unexpected_call()
    }

    async fn record_prices(&self, _: &mut CallContext, _: Vec<PriceChange>) -> Result<Vec<PriceOutcome>, CatalogError> {
        unexpected_call()
    }
}

pub(crate) fn pounds(amount: &str) -> Money {
    Money::parse(amount, Money::GBP).unwrap()
}

pub(crate) fn euros(amount: &str) -> Money {
    Money::parse(amount, "EUR".parse().unwrap()).unwrap()
}
