//! Version 1 of the carts' contract.
//!
//! A cart says what a shopper intends to buy, not at what price: prices are the catalog's, asked for at each reading.
//! While the catalog is away, carts can be shown and filled at the prices that it had last announced.
//! A cart lives as long as it is touched, and nothing in it is reserved.

use async_trait::async_trait;
use catalog_api::v1::ProductStatus;
use offshoot_contract::{CallContext, CallFailure, ContractError, Currency, Money, Timestamp, contract};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use catalog_api::ProductId;

pub use crate::CartId;

/// Most lines in one cart. The largest real order on record has 1,114.
pub const MAX_LINES: u32 = 1_500;
/// Largest quantity of one line. The largest real one on record is 80,995.
pub const MAX_QUANTITY: u32 = 100_000;

/// What shoppers intend to buy.
#[contract(name = "carts", version = "1.2", callers = ["public", "orders"])]
#[async_trait]
pub trait CartsApi: Send + Sync + 'static {
    /// A new, empty cart for products priced in `currency`.
    #[post("/carts")]
    async fn create(&self, cx: &mut CallContext, currency: Currency) -> Result<Cart, CartsError>;

    /// The cart with current prices from the catalog, lines in the order in which they were first set. Where the catalog
    /// does not answer, with prices that it had announced before: then the cart says since when they may have changed.
    /// Fails with `UnknownCart` or `CartExpired`, and as a `dependency` where neither is to be had.
    #[get("/carts/{id}")]
    async fn cart(&self, cx: &mut CallContext, id: CartId) -> Result<Cart, CartsError>;

    /// Sets how many of a product the cart holds and lets the cart live longer. Fails with `UnknownCart`, `CartExpired`,
    /// `UnknownProduct`, `NotForSale`, `OtherCurrency`, `InvalidQuantity` (1 to [`MAX_QUANTITY`]) or `TooManyLines`.
    #[put("/carts/{id}/lines/{product_id}")]
    async fn set_quantity(
        &self,
        cx: &mut CallContext,
        id: CartId,
        product_id: ProductId,
        quantity: u32,
    ) -> Result<(), CartsError>;

    /// Puts these lines into the cart in place of those it has, in this order, and lets it live longer. All or none of
    /// them. Since 1.1. Fails like [`set_quantity`](Self::set_quantity), naming the first line that cannot be
    /// taken, or with `DuplicateLine`.
    #[put("/carts/{id}/lines")]
    async fn set_lines(&self, cx: &mut CallContext, id: CartId, lines: Vec<NewLine>) -> Result<(), CartsError>;

    /// Takes a product out of the cart; one that is not in it is no error. Fails with `UnknownCart` or `CartExpired`.
    #[delete("/carts/{id}/lines/{product_id}")]
    async fn remove(&self, cx: &mut CallContext, id: CartId, product_id: ProductId) -> Result<(), CartsError>;
}

/// A cart with the prices of this moment, or with older ones if it says so.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cart {
    /// Given by the carts module.
    pub id: CartId,
    /// In the order in which the products were first put in.
    pub lines: Vec<CartLine>,
    /// The sum of the lines that can be bought.
    pub total: Money,
    /// Absent where the prices are those of this moment. Else the catalog did not answer, and what it has changed since
    /// this time may be missing. Since 1.2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prices_as_of: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it will be gone unless it is touched.
    pub expires_at: Timestamp,
}

/// So many of one product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewLine {
    /// The product; once per cart.
    pub product_id: ProductId,
    /// 1 to [`MAX_QUANTITY`].
    pub quantity: u32,
}

/// One product of a cart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CartLine {
    /// The product.
    pub product_id: ProductId,
    /// Its SKU.
    pub sku: String,
    /// Its name now.
    pub name: String,
    /// Whether it can be bought now; a discontinued line does not count in the total.
    pub status: ProductStatus,
    /// How many.
    pub quantity: u32,
    /// The price of one now.
    pub unit_price: Money,
    /// Quantity times price.
    pub line_total: Money,
}

/// What the carts module answers instead.
#[derive(Debug, Clone, PartialEq, thiserror::Error, ContractError)]
pub enum CartsError {
    /// No cart has this id, or it expired long ago.
    #[error("there is no cart {id}")]
    #[problem(status = 404, code = "unknown-cart")]
    UnknownCart {
        /// As it was asked for.
        id: CartId,
    },
    /// The cart was not touched for too long.
    #[error("{id} expired at {expired_at}: create a new one")]
    #[problem(status = 410, code = "cart-expired")]
    CartExpired {
        /// The cart.
        id: CartId,
        /// When it expired.
        expired_at: Timestamp,
    },
    /// The catalog has no such product.
    #[error("there is no product {id}")]
    #[problem(status = 404, code = "unknown-product")]
    UnknownProduct {
        /// As it was asked for.
        id: ProductId,
    },
    /// The product is discontinued.
    #[error("{id} is not sold any more")]
    #[problem(status = 409, code = "not-for-sale")]
    NotForSale {
        /// The product.
        id: ProductId,
    },
    /// The product's price is in another currency than the cart.
    #[error("{id} is priced in {price}, the cart in {cart}")]
    #[problem(status = 409, code = "other-currency")]
    OtherCurrency {
        /// The product.
        id: ProductId,
        /// The currency of its price.
        price: Currency,
        /// The currency of the cart.
        cart: Currency,
    },
    /// Zero or too many of one product.
    #[error("a quantity of {quantity} is not between 1 and {limit}")]
    #[problem(status = 422, code = "invalid-quantity")]
    InvalidQuantity {
        /// As it was asked for.
        quantity: u32,
        /// The most that is taken.
        limit: u32,
    },
    /// Two lines of one product.
    #[error("{id} stands in two lines: give one with the sum")]
    #[problem(status = 422, code = "duplicate-line")]
    DuplicateLine {
        /// The product.
        id: ProductId,
    },
    /// The cart is full.
    #[error("{id} holds {limit} lines, which is the most")]
    #[problem(status = 409, code = "too-many-lines")]
    TooManyLines {
        /// The cart.
        id: CartId,
        /// The most that it holds.
        limit: u32,
    },
    /// Not the carts module's own answer.
    #[error(transparent)]
    Call(#[from] CallFailure),
}
