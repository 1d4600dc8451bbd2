//! The public HTTP API of the store, below `/api/v1`: JSON, composed from the modules' contracts.
//!
//! Knows no implementation and no placement, so the API does not change when a module moves. Requests are read
//! strictly; every error is an RFC 9457 problem.

// The operations, and the table of all of them.
mod admin;
mod audience;
mod carts;
mod notices;
mod operation;
mod operations;
mod orders;
mod products;
mod reports;
mod storefront;
// Reading and refusing requests.
mod entry;
mod problems;
mod refusal;
mod request;
// OpenAPI document and start page.
mod home;
mod openapi;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{any, get};
use http::HeaderMap;

use offshoot_contract::{CallFailure, Contract, Contracts, Currency, FailureKind};
use orders_api::OrderId;

pub use self::home::{ModuleInfo, examples, home};

use self::operations::operations;
use self::refusal::Refusal;

/// Root of all operations.
const ROOT: &str = "/api/v1";

/// Returns the name of the operator who sent these headers; `None` for a shopper.
pub type Authenticate = dyn Fn(&HeaderMap) -> Option<Arc<str>> + Send + Sync;

/// Returns the secret tokens that open an order's link. The first one is given to whoever checked the order out. The order
/// alone decides the tokens, so that a repeated checkout gets the same one, and every process knows it.
pub type LinkTokens = dyn Fn(OrderId) -> Vec<String> + Send + Sync;

/// Contracts and settings of the operations.
#[derive(Clone)]
pub struct PublicApi {
    /// The contracts that the operations call.
    pub contracts: Contracts,
    /// Currency of new carts.
    pub currency: Currency,
    /// Every currency that the store sells in.
    pub currencies: Vec<Currency>,
    /// Largest number of requests in flight.
    pub in_flight: usize,
    /// Whether anyone may read reports, and not operators only.
    pub open_reports: bool,
    /// Authenticates operators.
    pub operator: Arc<Authenticate>,
    /// Makes the tokens of orders' links.
    pub links: Arc<LinkTokens>,
    /// Share of traced requests, 0 to 1.
    pub traced: f64,
}

impl PublicApi {
    /// Refuses a currency that the store does not sell in: nobody could buy at such a price, or fill such a cart.
    fn require_sold(&self, field: &str, currency: Currency) -> Result<(), Refusal> {
        if self.currencies.contains(&currency) {
            return Ok(());
        }
        let sold: Vec<_> = self.currencies.iter().map(Currency::as_str).collect();
        let why = format!(
            "the store does not sell in {currency}: the currencies are {}",
            sold.join(", ")
        );
        Err(Refusal::invalid_field(field, why))
    }

    /// The contract of a module that the operation names as a callee. Fails with 503 if the module is off in this process.
    fn module<A: Contract + ?Sized>(&self) -> Result<&A, Refusal> {
        let module = A::NAME;
        self.contracts.get::<A>().map(|api| &**api).ok_or_else(|| {
            tracing::error!(
                module,
                "an operation calls a module that is off, or that it does not name with `.calls` in operations.rs"
            );
            let why = format!("{module} is off in this process");
            Refusal::from_failure(&CallFailure::not_executed(FailureKind::Unavailable, why))
        })
    }
}

/// Every operation, such as `GET /products/{id}` below `/api/v1`, with the modules that it calls.
#[must_use]
pub fn calls() -> Vec<(String, Vec<&'static str>)> {
    let operations = operations().into_iter().map(|operation| {
        let name = format!("{} {}", operation.verb.to_uppercase(), operation.path);
        (name, operation.callees.iter().map(|callee| callee.name).collect())
    });
    operations.collect()
}

/// The OpenAPI document of all operations.
#[must_use]
pub fn document() -> serde_json::Value {
    openapi::document(&operations())
}

/// Routes of all operations and of the OpenAPI document, below `/api`.
pub fn router(api: PublicApi) -> Router {
    let document = document();
    let traced = entry::Traced {
        share: api.traced,
        by: Some(Arc::clone(&api.operator)),
    };
    let served = operations().into_iter().fold(Router::new(), |router, operation| {
        let path = format!("{ROOT}{}", operation.path);
        router.route(&path, operation.serve(&api))
    });
    served
        .route(
            &format!("{ROOT}/openapi.json"),
            get(move || async move { axum::Json(document) }),
        )
        .route("/api/{*rest}", any(|| async { Refusal::no_route() }))
        .method_not_allowed_fallback(|| async { Refusal::no_method() })
        .layer(from_fn_with_state(entry::Limits::new(api.in_flight), entry::admit))
        .layer(from_fn_with_state(traced, entry::enter))
}
