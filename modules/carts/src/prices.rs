//! Lookup of products and prices: from the catalog, or from the projection while the catalog is unreachable.
//!
//! The catalog is called first, so prices are never stale while the catalog is up. Every answer of the catalog counts,
//! including "unknown product". The projection is used only if there is no answer, only if the age of the projection is
//! known, and only if the projection has all requested products.

use std::collections::HashMap;
use std::time::Duration;

use carts_api::v1::CartsError;
use catalog_api::v1::{CatalogError, MAX_BULK_ITEMS, ProductId};
use offshoot_contract::{CallContext, CallFailure, FailureKind};
use offshoot_db::List;
use offshoot_outbox::{Age, read_age};

use crate::domain::{Offer, Offers};
use crate::projection::PRICES_SUBSCRIPTION;
use crate::{Carts, store};

impl Carts {
    /// Looks up one product. Fails with `UnknownProduct`.
    pub(crate) async fn offer(&self, cx: &mut CallContext, id: ProductId) -> Result<Offer, CartsError> {
        let limit = catalog_time_limit(cx);
        let asked = tokio::time::timeout(limit, self.catalog.product(cx, id)).await;
        let asked = asked.unwrap_or_else(|_| Err(timed_out(limit, "product")));
        match asked {
            Ok(product) => Ok(product.into()),
            Err(error) => {
                let mut offers = self.projected_offers_or(cx, &[id], error).await?;
                let offer = offers.by_id.remove(&id);
                offer.ok_or(CartsError::UnknownProduct { id })
            }
        }
    }

    /// Looks up products in as few calls as the catalog's limit allows. Unknown products are left out.
    pub(crate) async fn offers(&self, cx: &mut CallContext, ids: Vec<ProductId>) -> Result<Offers, CartsError> {
        let mut by_id = HashMap::with_capacity(ids.len());
        for some in ids.chunks(MAX_BULK_ITEMS) {
            let limit = catalog_time_limit(cx);
            let asked = tokio::time::timeout(limit, self.catalog.products_by_id(cx, some.to_vec())).await;
            let asked = asked.unwrap_or_else(|_| Err(timed_out(limit, "products_by_id")));
            match asked {
                Ok(products) => by_id.extend(products.into_iter().map(|product| (product.id, product.into()))),
                // All offers come from one source, so that a cart never mixes prices of two points in time.
                Err(error) => return self.projected_offers_or(cx, &ids, error).await,
            }
        }
        Ok(Offers { by_id, as_of: None })
    }

    /// Returns all of these products from the projection if `error` is an outage, or `error` otherwise.
    async fn projected_offers_or(
        &self,
        cx: &mut CallContext,
        ids: &[ProductId],
        error: CatalogError,
    ) -> Result<Offers, CartsError> {
        if !matches!(&error, CatalogError::Call(failure) if is_outage(failure)) {
            return Err(from_catalog_error(error));
        }
        // If the projection cannot be read either, the outage of the catalog remains the cause to report.
        match self.projected_offers(cx, ids).await {
            Ok(Some(offers)) => Ok(offers),
            Ok(None) | Err(_) => Err(from_catalog_error(error)),
        }
    }

    async fn projected_offers(&self, cx: &mut CallContext, ids: &[ProductId]) -> Result<Option<Offers>, CallFailure> {
        let mut read = self.db.read(cx).await?;
        // The age is read before the products, so that the products are at least as current as `as_of` says.
        let Age::CurrentAt(as_of) = read_age(&mut read, PRICES_SUBSCRIPTION).await? else {
            return Ok(None);
        };
        let offers = store::projected_products::offers(&mut read, List(ids.to_vec())).await?;
        let by_id: HashMap<_, _> = offers.into_iter().map(|offer| (offer.id, offer)).collect();
        let is_complete = ids.iter().all(|id| by_id.contains_key(id));
        Ok(is_complete.then_some(Offers {
            by_id,
            as_of: Some(as_of),
        }))
    }
}

/// Time limit of a catalog call: half of the remaining time, so that the other half is left for the projection.
fn catalog_time_limit(cx: &CallContext) -> Duration {
    cx.time_left() / 2
}

fn timed_out(limit: Duration, method: &str) -> CatalogError {
    let kind = FailureKind::Dependency {
        module: "catalog".to_owned(),
        method: method.to_owned(),
        cause: "timeout".to_owned(),
    };
    CallFailure::not_executed(kind, format!("catalog.{method} did not answer within {limit:?}")).into()
}

/// Whether the failure means that the catalog gave no answer, as opposed to an unexpected answer.
fn is_outage(failure: &CallFailure) -> bool {
    !matches!(
        failure.kind(),
        FailureKind::Refused { .. } | FailureKind::Unrecognised { .. }
    )
}

/// Maps an error of a catalog lookup to an error of the carts contract.
fn from_catalog_error(error: CatalogError) -> CartsError {
    match error {
        CatalogError::UnknownProduct { id } => CartsError::UnknownProduct { id },
        CatalogError::Call(failure) => failure.into(),
        other => CallFailure::internal("the catalog returned an error that this call cannot have")
            .caused_by(other)
            .into(),
    }
}
