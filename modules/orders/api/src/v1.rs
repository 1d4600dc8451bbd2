//! Contract of the orders module, version 1.
//!
//! An order keeps the prices of its checkout. A checkout reserves stock and authorizes the payment, confirms the order,
//! ships the stock, and captures the payment. If an order fails, the reservation is released and the payment voided: no
//! customer is charged for stock that does not ship, and no stock ships twice.
//!
//! The module itself completes or undoes an interrupted order. A caller with a `pending` order need only poll the
//! order.

// Types of the contract.
mod event;
mod order;
mod sale;

use async_trait::async_trait;
use offshoot_contract::{CallContext, CallFailure, ContractError, Page, PageSize, contract, page_token};
use payments_api::v1::PaymentToken;

pub use self::event::{OrderLineSnapshot, OrderSnapshot, OrdersEvent};
pub use self::order::{FailureReason, Order, OrderLine, OrderStatus, Return, ReturnedLine, ShortLine};
pub use self::sale::{Revenue, RevenueBy, RevenueRow, Sale, SaleKind, SaleLine, SaleOutcome};
pub use crate::OrderId;
pub use carts_api::CartId;
pub use catalog_api::ProductId;

/// Most sales in one bulk call.
pub const MAX_SALES: usize = 1_000;
/// Most lines in one bulk call, over all sales. The largest known real invoice has 1,114.
pub const MAX_SALE_LINES: usize = 5_000;
/// Longest e-mail address, in bytes: the limit of SMTP.
pub const MAX_EMAIL_BYTES: usize = 254;
/// Longest name of a country or customer, in characters.
pub const MAX_NAME_CHARS: usize = 100;
/// Longest number of a sale, in bytes of printable ASCII.
pub const MAX_NUMBER_BYTES: usize = 64;
/// Country of an order whose checkout names none.
pub const UNSPECIFIED_COUNTRY: &str = "Unspecified";

/// Orders of this store, and recorded sales of other systems.
///
/// An order reserves stock and authorizes the payment, is confirmed, ships the stock, and captures the payment. The
/// module itself completes or undoes an interrupted order; a caller with a pending order polls `order`.
///
/// A list has 20 items per page, or `page_size` items, 1 to 100. `page_token` is the `next_page_token` of the previous
/// page; the last page has none.
#[contract(name = "orders", version = "1.1", events = OrdersEvent)]
#[async_trait]
pub trait OrdersApi: Send + Sync + 'static {
    /// Orders the contents of a cart at current prices. Returns a `Confirmed` order, or a `Pending` order if another
    /// module did not answer; the module confirms or fails a pending order later. A repeat under the same idempotency key
    /// returns the order of the first call. `email` has at most 254 bytes, `country` at most 100 characters.
    ///
    /// A cart has at most one order that has not failed: a second checkout fails with `AlreadyOrdered`, which names the
    /// order. Also fails with `UnknownCart`, `CartExpired`, `EmptyCart`, `NotForSale`, `InsufficientStock`, `PaymentDeclined`,
    /// `InvalidCheckout`, or `CheckoutInterrupted` if the first call under the key was interrupted and its order
    /// undone.
    #[post("/checkouts", key = cart_id, timeout = "20s")]
    async fn checkout(
        &self,
        cx: &mut CallContext,
        cart_id: CartId,
        #[schemars(length(max = MAX_EMAIL_BYTES))] email: String,
        #[schemars(length(min = 1, max = MAX_NAME_CHARS))] country: Option<String>,
        payment_token: PaymentToken,
    ) -> Result<Order, OrdersError>;

    /// Returns one order. Fails with `UnknownOrder`.
    #[get("/orders/{id}")]
    async fn order(&self, cx: &mut CallContext, id: OrderId) -> Result<Order, OrdersError>;

    /// Lists orders of one customer (an e-mail address, or the customer number of another system) or of all customers,
    /// the newest first. Fails with `BadPageToken`.
    #[get("/orders")]
    async fn orders(
        &self,
        cx: &mut CallContext,
        customer: Option<String>,
        #[schemars(range(min = 1, max = PageSize::MAX))] page_size: Option<u32>,
        #[schemars(length(max = page_token::MAX_TOKEN_CHARS))] page_token: Option<String>,
    ) -> Result<Page<Order>, OrdersError>;

    /// Cancels a confirmed order: refunds the remaining amount, and returns the remaining units to stock. Returns an
    /// already cancelled order unchanged. Fails with `UnknownOrder`, `NotConfirmed`, `SoldElsewhere`, or `OrderBusy`
    /// while another change of the order is in progress.
    #[put("/orders/{id}/cancellation", timeout = "20s")]
    async fn cancel(&self, cx: &mut CallContext, id: OrderId) -> Result<Order, OrdersError>;

    /// Returns some units of an order to stock, and refunds their price. Fails with `UnknownOrder`, `NotConfirmed`,
    /// `SoldElsewhere`, `OrderBusy` or `InvalidReturn`.
    #[post("/orders/{id}/returns", timeout = "20s")]
    async fn return_goods(
        &self,
        cx: &mut CallContext,
        id: OrderId,
        #[schemars(length(min = 1))] lines: Vec<ReturnedLine>,
    ) -> Result<Order, OrdersError>;

    /// Records sales and credit notes of another system, at most 1,000 sales with 5,000 lines in total.
    /// Returns one outcome per sale, in the same order. A known number changes nothing, so a repeated call is harmless.
    /// Moves neither stock nor money. Fails as a whole only with `TooManyItems`.
    #[post("/sales/bulk", idempotent, max = "8MiB", timeout = "30s")]
    async fn record_sales(
        &self,
        cx: &mut CallContext,
        #[schemars(length(max = MAX_SALES))] sales: Vec<Sale>,
    ) -> Result<Vec<SaleOutcome>, OrdersError>;

    /// Returns the revenue of all time: confirmed orders and recorded sales, less returns, cancellations and credit
    /// notes, each counted at its own time. One row per month (UTC) or country, and currency.
    #[get("/revenue", timeout = "30s")]
    async fn revenue(&self, cx: &mut CallContext, by: RevenueBy) -> Result<Revenue, OrdersError>;
}

/// Errors of the orders module.
#[derive(Debug, Clone, PartialEq, thiserror::Error, ContractError)]
pub enum OrdersError {
    /// No order has this id.
    #[error("there is no order {id}")]
    #[problem(status = 404, code = "unknown-order")]
    UnknownOrder {
        /// The requested id.
        id: OrderId,
    },
    /// No cart has this id.
    #[error("there is no cart {id}")]
    #[problem(status = 404, code = "unknown-cart")]
    UnknownCart {
        /// The requested id.
        id: CartId,
    },
    /// The cart expired, because no call changed the cart for too long.
    #[error("{id} has expired: create a new cart")]
    #[problem(status = 410, code = "cart-expired")]
    CartExpired {
        /// The cart.
        id: CartId,
    },
    /// The cart has no lines.
    #[error("{id} is empty: add a product first")]
    #[problem(status = 409, code = "empty-cart")]
    EmptyCart {
        /// The cart.
        id: CartId,
    },
    /// The cart has an order already.
    #[error("{cart_id} was ordered already, as {order_id}: create a new cart")]
    #[problem(status = 409, code = "already-ordered")]
    AlreadyOrdered {
        /// The cart.
        cart_id: CartId,
        /// The order of the cart.
        order_id: OrderId,
    },
    /// A product in the cart is no longer for sale, or not for sale in the cart's currency.
    #[error("{product_id} is no longer for sale: remove the product from the cart")]
    #[problem(status = 409, code = "not-for-sale")]
    NotForSale {
        /// The product.
        product_id: ProductId,
    },
    /// Too little stock: the order has failed.
    #[error("insufficient stock of {}", lines.iter().map(|line| format!("{} ({} of {})", line.sku, line.available, line.requested)).collect::<Vec<_>>().join(", "))]
    #[problem(status = 409, code = "insufficient-stock")]
    InsufficientStock {
        /// The order that failed.
        order_id: OrderId,
        /// The lines with too little stock.
        lines: Vec<ShortLine>,
    },
    /// The payment was declined: the order has failed.
    #[error("the payment was declined: {reason}")]
    #[problem(status = 402, code = "payment-declined")]
    PaymentDeclined {
        /// The order that failed.
        order_id: OrderId,
        /// Reason given by the payment provider.
        reason: String,
    },
    /// The first call under this idempotency key was interrupted, and its order was undone.
    #[error(
        "{order_id} was interrupted and undone, and nothing was charged: check out again under a new idempotency key"
    )]
    #[problem(status = 409, code = "checkout-interrupted")]
    CheckoutInterrupted {
        /// The order that failed.
        order_id: OrderId,
    },
    /// A field of the checkout is invalid.
    #[error("{field}: {reason}")]
    #[problem(status = 422, code = "invalid-checkout")]
    InvalidCheckout {
        /// Name of the field.
        field: String,
        /// Why the value is invalid, and which values are valid.
        reason: String,
    },
    /// The order is not confirmed, so it cannot be cancelled or returned.
    #[error("{id} is {is}: only a confirmed order can be cancelled or returned")]
    #[problem(status = 409, code = "not-confirmed")]
    NotConfirmed {
        /// The order.
        id: OrderId,
        /// Status of the order.
        is: OrderStatus,
    },
    /// The order is a recorded sale of another system, which must handle the return.
    #[error("{id} was sold by another system, as {number}: record a credit note instead")]
    #[problem(status = 409, code = "sold-elsewhere")]
    SoldElsewhere {
        /// The order.
        id: OrderId,
        /// Number of the sale in the other system.
        number: String,
    },
    /// Another change of the order is in progress.
    #[error("another change of {id} is in progress: retry in a moment")]
    #[problem(status = 409, code = "order-busy")]
    OrderBusy {
        /// The order.
        id: OrderId,
    },
    /// A field of the return is invalid.
    #[error("{field}: {reason}")]
    #[problem(status = 422, code = "invalid-return")]
    InvalidReturn {
        /// Name of the field, such as `lines[0].quantity`.
        field: String,
        /// Why the value is invalid, and which values are valid.
        reason: String,
    },
    /// More sales or lines than one call accepts.
    #[error("the call has {given} {what}, but the limit is {limit}")]
    #[problem(status = 422, code = "too-many-items")]
    TooManyItems {
        /// `sales` or `lines`.
        what: String,
        /// Number of items in the call.
        given: u32,
        /// Most items per call.
        limit: u32,
    },
    /// The page token was not issued for this list.
    #[error("{}", page_token::InvalidPageToken)]
    #[problem(status = 422, code = "bad-page-token")]
    BadPageToken,
    /// The call failed without an answer of the orders module.
    #[error(transparent)]
    Call(#[from] CallFailure),
}
