//! Version 1 of the orders' contract.
//!
//! An order is what was agreed: these goods at these prices, whatever they cost later. To make one, goods are reserved
//! and money is held, then the order is confirmed, the goods leave, and the money is taken. If it comes to nothing,
//! both are let go: nobody is charged for what does not ship, and nothing ships twice.
//!
//! What is under way is finished or undone by the module itself, whoever goes away, so a caller that was told
//! `pending` need only look again.

// What travels.
mod event;
mod order;
mod sale;

use async_trait::async_trait;
use offshoot_contract::{CallContext, CallFailure, ContractError, Page, contract};
use payments_api::v1::PaymentToken;

pub use self::event::{LineNews, OrderNews, OrdersEvent};
pub use self::order::{FailureReason, Order, OrderLine, OrderStatus, Return, ReturnedLine, ShortLine};
pub use self::sale::{Revenue, RevenueBy, RevenueRow, Sale, SaleKind, SaleLine, SaleOutcome};
pub use crate::OrderId;
pub use carts_api::CartId;
pub use catalog_api::ProductId;

/// Most sales in one bulk call.
pub const MAX_SALES: usize = 1_000;
/// Most lines in one bulk call, of all its sales. The largest real invoice has 1,114.
pub const MAX_SALE_LINES: usize = 5_000;
/// Longest e-mail address, bytes: what SMTP takes.
pub const MAX_EMAIL_BYTES: usize = 254;
/// Longest name of a country or customer, characters.
pub const MAX_NAME_CHARS: usize = 100;
/// Longest number of a sale, bytes of printable ASCII.
pub const MAX_NUMBER_BYTES: usize = 64;
/// The country of an order that names none.
pub const UNSPECIFIED_COUNTRY: &str = "Unspecified";

/// What was bought, here and elsewhere.
#[contract(name = "orders", version = "1.1", callers = ["public", "notifications", "reporting", "import", "replay"], events = OrdersEvent)]
#[async_trait]
pub trait OrdersApi: Send + Sync + 'static {
    /// Buys what is in a cart at the prices of this moment. Answers a `Confirmed` order, or a `Pending` one where a part
    /// of the store did not answer: it will be confirmed or fail by itself. A cart is ordered once: `AlreadyOrdered`
    /// names its order, unless that failed.
    ///
    /// Fails with `UnknownCart`, `CartExpired`, `EmptyCart`, `NotForSale`, `InsufficientStock`, `PaymentDeclined`,
    /// `InvalidCheckout`, or `CheckoutInterrupted` for the repeat of a call whose order was undone.
    #[post("/checkouts", key = cart_id, timeout = "20s")]
    async fn checkout(
        &self,
        cx: &mut CallContext,
        cart_id: CartId,
        email: String,
        country: Option<String>,
        payment_token: PaymentToken,
    ) -> Result<Order, OrdersError>;

    /// One order. Fails with `UnknownOrder`.
    #[get("/orders/{id}")]
    async fn order(&self, cx: &mut CallContext, id: OrderId) -> Result<Order, OrdersError>;

    /// The orders of a customer (an e-mail address, or a customer's number elsewhere), or of all, the newest first.
    /// Fails with `BadPageToken`.
    #[get("/orders")]
    async fn orders(
        &self,
        cx: &mut CallContext,
        customer: Option<String>,
        page_size: Option<u32>,
        page_token: Option<String>,
    ) -> Result<Page<Order>, OrdersError>;

    /// Takes a confirmed order back: what was paid is given back, and what has not come back yet goes into stock. Of
    /// one that is cancelled already, answers it. Fails with `UnknownOrder`, `NotConfirmed`, `SoldElsewhere`, or `OrderBusy` while something else
    /// about it is under way.
    #[put("/orders/{id}/cancellation", timeout = "20s")]
    async fn cancel(&self, cx: &mut CallContext, id: OrderId) -> Result<Order, OrdersError>;

    /// Takes some of the goods back: they go into stock, and what was paid for them is given back. Fails with
    /// `UnknownOrder`, `NotConfirmed`, `SoldElsewhere`, `OrderBusy` or `InvalidReturn`.
    #[post("/orders/{id}/returns", timeout = "20s")]
    async fn return_goods(
        &self,
        cx: &mut CallContext,
        id: OrderId,
        lines: Vec<ReturnedLine>,
    ) -> Result<Order, OrdersError>;

    /// Records sales and credit notes that were made elsewhere, at most [`MAX_SALES`] with [`MAX_SALE_LINES`] lines,
    /// with an outcome for each in the same order. A number that is known is left as it is, which makes a repeat
    /// harmless. Moves neither goods nor money. Fails as a whole only with `TooManyItems`.
    #[post("/sales/bulk", idempotent, max = "8MiB", timeout = "30s")]
    async fn record_sales(&self, cx: &mut CallContext, sales: Vec<Sale>) -> Result<Vec<SaleOutcome>, OrdersError>;

    /// Revenue of all time: confirmed orders and sales, less returns, cancellations and credit notes, each at its own
    /// time. One row per month (UTC) or country, and currency.
    #[get("/revenue", timeout = "30s")]
    async fn revenue(&self, cx: &mut CallContext, by: RevenueBy) -> Result<Revenue, OrdersError>;
}

/// What the orders module answers instead.
#[derive(Debug, Clone, PartialEq, thiserror::Error, ContractError)]
pub enum OrdersError {
    /// No order has this id.
    #[error("there is no order {id}")]
    #[problem(status = 404, code = "unknown-order")]
    UnknownOrder {
        /// As it was asked for.
        id: OrderId,
    },
    /// No cart has this id.
    #[error("there is no cart {id}")]
    #[problem(status = 404, code = "unknown-cart")]
    UnknownCart {
        /// As it was asked for.
        id: CartId,
    },
    /// The cart was not touched for too long.
    #[error("{id} expired: create a new one")]
    #[problem(status = 410, code = "cart-expired")]
    CartExpired {
        /// The cart.
        id: CartId,
    },
    /// There is nothing in the cart.
    #[error("there is nothing in {id}")]
    #[problem(status = 409, code = "empty-cart")]
    EmptyCart {
        /// The cart.
        id: CartId,
    },
    /// The cart was ordered before.
    #[error("{cart_id} was ordered before, as {order_id}: create a new cart")]
    #[problem(status = 409, code = "already-ordered")]
    AlreadyOrdered {
        /// The cart.
        cart_id: CartId,
        /// The order that it became.
        order_id: OrderId,
    },
    /// A line of the cart cannot be bought any more, or not in the cart's currency.
    #[error("{product_id} cannot be bought any more: take it out of the cart")]
    #[problem(status = 409, code = "not-for-sale")]
    NotForSale {
        /// The product.
        product_id: ProductId,
    },
    /// There is not enough of something, and the order came to nothing.
    #[error("there is not enough of {}", lines.iter().map(|line| format!("{} ({} of {})", line.sku, line.available, line.requested)).collect::<Vec<_>>().join(", "))]
    #[problem(status = 409, code = "insufficient-stock")]
    InsufficientStock {
        /// The order that failed.
        order_id: OrderId,
        /// Every line that falls short.
        lines: Vec<ShortLine>,
    },
    /// The money would not be held, and the order came to nothing.
    #[error("the payment was declined: {reason}")]
    #[problem(status = 402, code = "payment-declined")]
    PaymentDeclined {
        /// The order that failed.
        order_id: OrderId,
        /// In the payment provider's words.
        reason: String,
    },
    /// The first call under this key was interrupted, and its order was undone.
    #[error("{order_id} was interrupted and undone, and nothing was charged: check out again under a new key")]
    #[problem(status = 409, code = "checkout-interrupted")]
    CheckoutInterrupted {
        /// The order that failed.
        order_id: OrderId,
    },
    /// A field of the checkout is not acceptable.
    #[error("{field}: {reason}")]
    #[problem(status = 422, code = "invalid-checkout")]
    InvalidCheckout {
        /// Its name.
        field: String,
        /// What is wrong with it and what would be right.
        reason: String,
    },
    /// Only a confirmed order can be cancelled or sent back.
    #[error("{id} is {is}, and only a confirmed order can be taken back")]
    #[problem(status = 409, code = "not-confirmed")]
    NotConfirmed {
        /// The order.
        id: OrderId,
        /// Where it stands instead.
        is: OrderStatus,
    },
    /// It was sold elsewhere, so it is taken back there.
    #[error("{id} was sold elsewhere, as {number}: record a credit note instead")]
    #[problem(status = 409, code = "sold-elsewhere")]
    SoldElsewhere {
        /// The order.
        id: OrderId,
        /// Its number there.
        number: String,
    },
    /// Something else about this order is under way.
    #[error("something else about {id} is under way: try again in a moment")]
    #[problem(status = 409, code = "order-busy")]
    OrderBusy {
        /// The order.
        id: OrderId,
    },
    /// A return is not acceptable.
    #[error("{field}: {reason}")]
    #[problem(status = 422, code = "invalid-return")]
    InvalidReturn {
        /// The field, such as `lines[0].quantity`.
        field: String,
        /// What is wrong with it and what would be right.
        reason: String,
    },
    /// More sales or lines than one call takes.
    #[error("{given} {what} in one call, at most {limit} are taken")]
    #[problem(status = 422, code = "too-many-items")]
    TooManyItems {
        /// `sales` or `lines`.
        what: String,
        /// What came.
        given: u32,
        /// What is taken.
        limit: u32,
    },
    /// A page token that this list did not give.
    #[error("the page token is not one of this list: start again without it")]
    #[problem(status = 422, code = "bad-page-token")]
    BadPageToken,
    /// Not the orders module's own answer.
    #[error(transparent)]
    Call(#[from] CallFailure),
}
