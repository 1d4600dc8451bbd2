//! Test double of the catalog, in memory. Tests fill, change and break it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use catalog_api::v1::catalog_api_methods::{ProductMethod, ProductsByIdMethod};
use catalog_api::v1::{CatalogApi, CatalogError, MAX_BULK_ITEMS, Product, ProductId, ProductStatus};
use offshoot_contract::{CallFailure, Money, Timestamp};
use offshoot_testkit::{Double, Fault, Faults};

/// Products in memory.
#[derive(Default)]
pub(crate) struct StubCatalog {
    state: Mutex<State>,
    faults: Faults,
}

#[derive(Default)]
struct State {
    products: HashMap<ProductId, Product>,
    error: Option<CatalogError>,
}

impl StubCatalog {
    /// The double behind an edge, as the carts call the catalog.
    pub(crate) fn behind_edge(self: &Arc<Self>) -> Arc<dyn CatalogApi> {
        Double::new(Arc::clone(self))
            .with_faults(&self.faults)
            .answers(ProductMethod, |stub: &Self, call| stub.product(call.params.id))
            .answers(ProductsByIdMethod, |stub, call| stub.products_by_id(&call.body.ids))
            .into_api()
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
        self.faults.set_permanent(Some(Fault::Hangs));
    }

    pub(crate) fn current_product(&self, id: ProductId) -> Product {
        self.state().products[&id].clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn available(&self) -> Result<MutexGuard<'_, State>, CatalogError> {
        let state = self.state();
        state.error.clone().map_or(Ok(state), Err)
    }

    fn product(&self, id: ProductId) -> Result<Product, CatalogError> {
        let state = self.available()?;
        state
            .products
            .get(&id)
            .cloned()
            .ok_or(CatalogError::UnknownProduct { id })
    }

    fn products_by_id(&self, ids: &[ProductId]) -> Result<Vec<Product>, CatalogError> {
        if ids.len() > MAX_BULK_ITEMS {
            return Err(CallFailure::internal("the carts requested too many products at once").into());
        }
        let state = self.available()?;
        Ok(ids.iter().filter_map(|id| state.products.get(id).cloned()).collect())
    }
}

pub(crate) fn pounds(amount: &str) -> Money {
    Money::parse(amount, Money::GBP).unwrap()
}

pub(crate) fn euros(amount: &str) -> Money {
    Money::parse(amount, "EUR".parse().unwrap()).unwrap()
}
