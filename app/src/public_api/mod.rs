//! What clients of the store meet: HTTP and JSON below `/api/v1`, made from the modules' contracts.
//!
//! Knows no implementation and no placement, so it stays as it is when a module moves. Requests are read strictly and
//! every error is an RFC 9457 problem.

// What is offered, in one table, and the operations themselves.
mod admin;
mod carts;
mod notices;
mod operation;
mod operations;
mod orders;
mod products;
mod reports;
mod storefront;
// What every request passes, and how it is read and refused.
mod entry;
mod refusal;
mod request;
// The same table as a document, and the page at `/`.
mod home;
mod openapi;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{any, get};

use carts_api::v1::CartsApi;
use catalog_api::v1::CatalogApi;
use inventory_api::v1::InventoryApi;
use notifications_api::v1::NotificationsApi;
use offshoot_contract::Currency;
use orders_api::v1::OrdersApi;
use reporting_api::v1::ReportingApi;
use storefront_api::v1::StorefrontApi;
use tokio::sync::Semaphore;

pub use self::home::{ModuleInfo, examples, home};

use crate::operators::Operators;

use self::operations::operations;
use self::refusal::Refusal;

/// Where the operations begin.
const ROOT: &str = "/api/v1";

/// What the operations are made from.
#[derive(Clone)]
pub struct PublicApi {
    /// Products and prices.
    pub catalog: Arc<dyn CatalogApi>,
    /// What is there.
    pub inventory: Arc<dyn InventoryApi>,
    /// Shoppers' carts.
    pub carts: Arc<dyn CartsApi>,
    /// What they bought.
    pub orders: Arc<dyn OrdersApi>,
    /// Products beside what can be had of them.
    pub storefront: Arc<dyn StorefrontApi>,
    /// What customers were told.
    pub notifications: Arc<dyn NotificationsApi>,
    /// What was sold, in any division.
    pub reporting: Arc<dyn ReportingApi>,
    /// Of carts that name none.
    pub currency: Currency,
    /// Requests that are carried out at once; what comes beyond is turned away and told when to come again.
    pub in_flight: usize,
    /// Who may do what operators do.
    pub operators: Arc<Operators>,
    /// The share of requests that are traced, 0 to 1.
    pub traced: f64,
}

/// Every operation of the public API and its OpenAPI document. Answers everything below `/api`.
pub fn router(api: PublicApi) -> Router {
    let document = openapi::document(&operations());
    let served = operations().into_iter().fold(Router::new(), |router, operation| {
        router.route(&format!("{ROOT}{}", operation.path), operation.handler)
    });
    served
        .route(
            &format!("{ROOT}/openapi.json"),
            get(move || async move { axum::Json(document) }),
        )
        .route("/api/{*rest}", any(|| async { Refusal::no_route() }))
        .method_not_allowed_fallback(|| async { Refusal::no_method() })
        .layer(from_fn_with_state(Arc::new(Semaphore::new(api.in_flight)), entry::shed))
        .layer(from_fn_with_state(api.traced, entry::enter))
        .with_state(api)
}
