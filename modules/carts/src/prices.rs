//! Where products and prices come from: the catalog, and the carts' copy of it while the catalog is away.
//!
//! The catalog is asked first, so that a price is never old while it is there. What it answers counts, also where it
//! knows of no such product; the copy stands in only where there is no answer, for all of the products that were
//! asked for or for none, and only if it is known how old it is.

use std::collections::HashMap;
use std::time::Duration;

use carts_api::v1::CartsError;
use catalog_api::v1::{CatalogError, MAX_BULK_ITEMS, ProductId};
use offshoot_contract::{CallContext, CallFailure, FailureKind, Timestamp};
use offshoot_db::List;
use offshoot_outbox::{Age, age};

use crate::copy::PRICES;
use crate::domain::Offer;
use crate::{Carts, store};

/// Products with their prices.
pub(crate) struct Offers {
    pub(crate) by_id: HashMap<ProductId, Offer>,
    /// None: they are the catalog's. Else from the copy, which had everything that was announced before.
    pub(crate) as_of: Option<Timestamp>,
}

impl Carts {
    /// One product. Fails with `UnknownProduct`.
    pub(crate) async fn offer(&self, cx: &mut CallContext, id: ProductId) -> Result<Offer, CartsError> {
        let limit = patience(cx);
        let asked = tokio::time::timeout(limit, self.catalog.product(cx, id)).await;
        let asked = asked.unwrap_or_else(|_| Err(gave_up(limit, "product")));
        match asked {
            Ok(product) => Ok(product.into()),
            Err(error) => {
                let mut offers = self.instead(cx, &[id], error).await?;
                let offer = offers.by_id.remove(&id);
                offer.ok_or(CartsError::UnknownProduct { id })
            }
        }
    }

    /// The products as they are now, in as few calls as the catalog allows. Those that it does not know are left out.
    pub(crate) async fn offers(&self, cx: &mut CallContext, ids: Vec<ProductId>) -> Result<Offers, CartsError> {
        let mut by_id = HashMap::with_capacity(ids.len());
        for some in ids.chunks(MAX_BULK_ITEMS) {
            let limit = patience(cx);
            let asked = tokio::time::timeout(limit, self.catalog.products_by_id(cx, some.to_vec())).await;
            let asked = asked.unwrap_or_else(|_| Err(gave_up(limit, "products_by_id")));
            match asked {
                Ok(products) => by_id.extend(products.into_iter().map(|product| (product.id, product.into()))),
                // All from one source, so that no cart mixes prices of two times.
                Err(error) => return self.instead(cx, &ids, error).await,
            }
        }
        Ok(Offers { by_id, as_of: None })
    }

    /// All of these products from the copy; else the error stays.
    async fn instead(
        &self,
        cx: &mut CallContext,
        ids: &[ProductId],
        error: CatalogError,
    ) -> Result<Offers, CartsError> {
        if !matches!(&error, CatalogError::Call(failure) if is_away(failure)) {
            return Err(of_catalog(error));
        }
        // If the copy cannot be read either, that the catalog is away is still what to say.
        match self.copied(cx, ids).await {
            Ok(Some(offers)) => Ok(offers),
            Ok(None) | Err(_) => Err(of_catalog(error)),
        }
    }

    async fn copied(&self, cx: &mut CallContext, ids: &[ProductId]) -> Result<Option<Offers>, CallFailure> {
        let mut read = self.db.read(cx).await?;
        // Before the products, so that they are at least as new as is said.
        let Age::CurrentAt(as_of) = age(&mut read, PRICES).await? else {
            return Ok(None);
        };
        let known = store::known::offers(&mut read, List(ids.to_vec())).await?;
        let by_id: HashMap<_, _> = known.into_iter().map(|offer| (offer.id, offer)).collect();
        let all = ids.iter().all(|id| by_id.contains_key(id));
        Ok(all.then_some(Offers {
            by_id,
            as_of: Some(as_of),
        }))
    }
}

/// How long the catalog is waited for: half of the time, so that the other half is left for the copy.
fn patience(cx: &CallContext) -> Duration {
    cx.time_left() / 2
}

fn gave_up(limit: Duration, method: &str) -> CatalogError {
    let kind = FailureKind::Dependency {
        module: "catalog".to_owned(),
        method: method.to_owned(),
    };
    CallFailure::not_executed(kind, format!("catalog.{method} did not answer within {limit:?}")).into()
}

/// Whether there is no answer, as opposed to one that nobody here expects.
fn is_away(failure: &CallFailure) -> bool {
    !matches!(
        failure.kind(),
        FailureKind::Refused { .. } | FailureKind::Unrecognised { .. }
    )
}

/// What the catalog's answer means to whoever asked the carts.
fn of_catalog(error: CatalogError) -> CartsError {
    match error {
        CatalogError::UnknownProduct { id } => CartsError::UnknownProduct { id },
        CatalogError::Call(failure) => failure.into(),
        other => CallFailure::internal("the catalog gave an answer that it does not give to this question")
            .caused_by(other)
            .into(),
    }
}
