//! Version 1 of the carts contract: shopping carts.
//!
//! A cart stores products and quantities, not prices: every read looks up the current prices in the catalog. While the
//! catalog is unreachable, carts are read and filled with the prices that the catalog last published. Every change
//! extends the lifetime of a cart. A cart reserves no stock.

use async_trait::async_trait;
use catalog_api::v1::ProductStatus;
use offshoot_contract::{CallContext, CallFailure, ContractError, Currency, Money, Timestamp, contract};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use catalog_api::ProductId;

pub use crate::CartId;

/// Maximum number of lines in one cart. The largest real order on record has 1,114 lines.
pub const MAX_LINES: u32 = 1_500;
/// Maximum quantity of one line. The largest real quantity on record is 80,995.
pub const MAX_QUANTITY: u32 = 100_000;

/// Shopping carts. A cart stores products and quantities; every read looks up the prices in the catalog. Every change
/// extends the lifetime of a cart. A cart reserves no stock.
#[contract(name = "carts", version = "1.2")]
#[async_trait]
pub trait CartsApi: Send + Sync + 'static {
    /// Creates an empty cart for products priced in `currency`.
    #[post("/carts")]
    async fn create(&self, cx: &mut CallContext, currency: Currency) -> Result<Cart, CartsError>;

    /// Returns the cart with current prices from the catalog, lines in the order in which they were first set. If the
    /// catalog does not answer, the cart has the prices last published, and `prices_as_of` gives their age. Fails with
    /// `UnknownCart` or `CartExpired`, and with a `dependency` failure if neither source has all prices.
    #[get("/carts/{id}")]
    async fn cart(&self, cx: &mut CallContext, id: CartId) -> Result<Cart, CartsError>;

    /// Sets the quantity of a product in the cart and extends the lifetime of the cart. Fails with `UnknownCart`,
    /// `CartExpired`, `UnknownProduct`, `NotForSale`, `OtherCurrency`, `InvalidQuantity` (1 to 100,000) or
    /// `TooManyLines` (at most 1,500).
    #[put("/carts/{id}/lines/{product_id}")]
    async fn set_quantity(
        &self,
        cx: &mut CallContext,
        id: CartId,
        product_id: ProductId,
        #[schemars(range(min = 1, max = MAX_QUANTITY))] quantity: u32,
    ) -> Result<(), CartsError>;

    /// Replaces all lines of the cart, in this order, and extends the lifetime of the cart. Accepts either all lines or
    /// none. Since 1.1. Fails with `UnknownCart`, `CartExpired`, `TooManyLines` or `DuplicateLine`, and for the first invalid
    /// line with `UnknownProduct`, `NotForSale`, `OtherCurrency` or `InvalidQuantity`.
    #[put("/carts/{id}/lines")]
    async fn set_lines(
        &self,
        cx: &mut CallContext,
        id: CartId,
        #[schemars(length(max = MAX_LINES))] lines: Vec<NewLine>,
    ) -> Result<(), CartsError>;

    /// Removes a product from the cart. Succeeds if the cart does not contain the product. Fails with `UnknownCart` or
    /// `CartExpired`.
    #[delete("/carts/{id}/lines/{product_id}")]
    async fn remove(&self, cx: &mut CallContext, id: CartId, product_id: ProductId) -> Result<(), CartsError>;
}

/// A cart with current prices, or with older prices if `prices_as_of` is present.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cart {
    /// Id, assigned by the carts module.
    pub id: CartId,
    /// Lines, in the order in which the products were first added.
    pub lines: Vec<CartLine>,
    /// Sum of the lines that can be bought.
    pub total: Money,
    /// Absent if the prices are current. Present if the catalog did not answer: catalog changes after this time may be
    /// missing. Since 1.2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prices_as_of: Option<Timestamp>,
    /// Time of creation.
    pub created_at: Timestamp,
    /// Time of expiry, unless the cart is changed before.
    pub expires_at: Timestamp,
}

/// Quantity of one product to put into a cart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewLine {
    /// The product; at most once per cart.
    pub product_id: ProductId,
    /// Units, 1 to 100,000.
    #[schemars(range(min = 1, max = MAX_QUANTITY))]
    pub quantity: u32,
}

/// One product of a cart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CartLine {
    /// The product.
    pub product_id: ProductId,
    /// Current SKU of the product.
    pub sku: String,
    /// Current name of the product.
    pub name: String,
    /// Whether the product is sold; the total excludes discontinued lines.
    pub status: ProductStatus,
    /// Units.
    pub quantity: u32,
    /// Price of one unit.
    pub unit_price: Money,
    /// Quantity times unit price.
    pub line_total: Money,
}

/// Errors of the carts module.
#[derive(Debug, Clone, PartialEq, thiserror::Error, ContractError)]
pub enum CartsError {
    /// No cart has this id, or it expired long ago.
    #[error("there is no cart {id}")]
    #[problem(status = 404, code = "unknown-cart")]
    UnknownCart {
        /// The requested value.
        id: CartId,
    },
    /// The cart expired, because no call changed the cart within the lifetime.
    #[error("{id} expired at {expired_at}: create a new cart")]
    #[problem(status = 410, code = "cart-expired")]
    CartExpired {
        /// The cart.
        id: CartId,
        /// Time of expiry.
        expired_at: Timestamp,
    },
    /// The catalog has no such product.
    #[error("there is no product {id}")]
    #[problem(status = 404, code = "unknown-product")]
    UnknownProduct {
        /// The requested value.
        id: ProductId,
    },
    /// The product is discontinued.
    #[error("{id} is discontinued and cannot be bought")]
    #[problem(status = 409, code = "not-for-sale")]
    NotForSale {
        /// The product.
        id: ProductId,
    },
    /// The currency of the product's price is not the currency of the cart.
    #[error("{id} is priced in {price}, but the cart is in {cart}")]
    #[problem(status = 409, code = "other-currency")]
    OtherCurrency {
        /// The product.
        id: ProductId,
        /// Currency of the price.
        price: Currency,
        /// Currency of the cart.
        cart: Currency,
    },
    /// The quantity is zero or above the limit.
    #[error("a quantity of {quantity} is not between 1 and {limit}")]
    #[problem(status = 422, code = "invalid-quantity")]
    InvalidQuantity {
        /// The requested value.
        quantity: u32,
        /// Maximum quantity.
        limit: u32,
    },
    /// Two lines have the same product.
    #[error("{id} appears in two lines: give one line with the sum")]
    #[problem(status = 422, code = "duplicate-line")]
    DuplicateLine {
        /// The product.
        id: ProductId,
    },
    /// The cart would have too many lines.
    #[error("{id} cannot have more than {limit} lines")]
    #[problem(status = 409, code = "too-many-lines")]
    TooManyLines {
        /// The cart.
        id: CartId,
        /// Maximum number of lines.
        limit: u32,
    },
    /// The call failed outside the carts module's own rules.
    #[error(transparent)]
    Call(#[from] CallFailure),
}
