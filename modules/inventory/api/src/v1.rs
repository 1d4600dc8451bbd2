//! Version 1 of the inventory's contract.
//!
//! The inventory counts goods and knows nothing else of them: a product that it never met has a stock of zero. What is
//! promised cannot be promised again, whatever comes at once, and every change of what is there stands in a ledger
//! whose sum is the stock.
//!
//! What a caller does in several steps, it does under a **reference** of its own making, such as its order's id and the
//! step's name. A reference means one thing for ever, so each of these calls may be repeated at any time.

// What is announced.
mod event;

use async_trait::async_trait;
use offshoot_contract::{CallContext, CallFailure, ContractError, Page, Scalar, Timestamp, contract};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::event::InventoryEvent;
pub use catalog_api::ProductId;

/// Most items in one bulk call.
pub const MAX_BULK_ITEMS: usize = 1_000;
/// Most lines of one reservation. As many as a cart has at most.
pub const MAX_LINES: u32 = 1_500;
/// Most units in one movement or line. The largest real one on record is 80,995.
pub const MAX_QUANTITY: u32 = 1_000_000;
/// Longest reference, bytes of printable ASCII.
pub const MAX_REFERENCE_BYTES: usize = 100;
/// Longest note, characters.
pub const MAX_NOTE_CHARS: usize = 200;

/// How many of each product there are, and how many of them are promised.
#[contract(name = "inventory", version = "1.1", callers = ["public", "orders", "storefront", "import", "replay"], events = InventoryEvent)]
#[async_trait]
pub trait InventoryApi: Send + Sync + 'static {
    /// The stock of one product; zeros for one that was never moved.
    #[get("/stock/{product_id}")]
    async fn stock(&self, cx: &mut CallContext, product_id: ProductId) -> Result<Stock, InventoryError>;

    /// The stock of each of these products, in the order asked for; zeros for those that were never moved. At most
    /// [`MAX_BULK_ITEMS`], else `TooManyItems`.
    #[post("/stock/lookup", safe)]
    async fn stock_of(&self, cx: &mut CallContext, product_ids: Vec<ProductId>) -> Result<Vec<Stock>, InventoryError>;

    /// Every product that was ever moved, by id, with its stock and the sums of its ledger: for whoever checks that
    /// they agree. Fails with `BadPageToken`.
    #[get("/balances")]
    async fn balances(
        &self,
        cx: &mut CallContext,
        page_size: Option<u32>,
        page_token: Option<String>,
    ) -> Result<Page<Balance>, InventoryError>;

    /// The ledger of one product, the newest entry first. Fails with `BadPageToken`.
    #[get("/stock/{product_id}/movements")]
    async fn movements(
        &self,
        cx: &mut CallContext,
        product_id: ProductId,
        page_size: Option<u32>,
        page_token: Option<String>,
    ) -> Result<Page<Movement>, InventoryError>;

    /// Changes what is there by `change` units, never 0, and says why: `Received` is positive, `Adjusted` either. Fails
    /// with `InvalidMovement`, or with `InsufficientStock` if it would take what is promised.
    #[post("/stock/{product_id}/movements")]
    async fn adjust(
        &self,
        cx: &mut CallContext,
        product_id: ProductId,
        kind: AdjustmentKind,
        change: i64,
        note: String,
    ) -> Result<Stock, InventoryError>;

    /// Records up to [`MAX_BULK_ITEMS`] movements that have happened elsewhere, with an outcome for each in the same
    /// order. One whose reference is known is left as it is, which makes a repeat harmless; one that would take what
    /// is promised or not there is refused, and the others go on. Fails as a whole only with `TooManyItems`.
    #[post("/movements/bulk", idempotent)]
    async fn record_many(
        &self,
        cx: &mut CallContext,
        movements: Vec<NewMovement>,
    ) -> Result<Vec<MovementOutcome>, InventoryError>;

    /// Promises all of the lines or none, until `expires_at`. The same reference and lines again answer the same
    /// reservation, whatever has become of it. Fails with `InsufficientStock`, which names every line that falls
    /// short, with `ReservationDiffers` if the reference stands for other lines, with `ReservationReleased` if it
    /// was released, even before it was made, or with `InvalidReservation`.
    #[put("/reservations/{reference}")]
    async fn reserve(
        &self,
        cx: &mut CallContext,
        reference: String,
        lines: Vec<ReservedLine>,
        expires_at: Timestamp,
    ) -> Result<Reservation, InventoryError>;

    /// The goods leave: each line is taken from the stock once, however often it is called. A reservation that has
    /// expired is taken from what is available, all of it, or `InsufficientStock`. Fails with `UnknownReservation` or
    /// `ReservationReleased`.
    #[put("/reservations/{reference}/commit")]
    async fn commit(&self, cx: &mut CallContext, reference: String) -> Result<Reservation, InventoryError>;

    /// Takes the promise back, and refuses the reference from now on: one that is not known yet cannot be reserved
    /// any more, so that a late call does no harm. Fails with `ReservationCommitted` if the goods have left.
    #[delete("/reservations/{reference}")]
    async fn release(&self, cx: &mut CallContext, reference: String) -> Result<(), InventoryError>;

    /// The reservations in a state, or all, by reference. Fails with `BadPageToken`.
    #[get("/reservations")]
    async fn reservations(
        &self,
        cx: &mut CallContext,
        state: Option<ReservationState>,
        page_size: Option<u32>,
        page_token: Option<String>,
    ) -> Result<Page<Reservation>, InventoryError>;
}

/// How many there are of one product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Stock {
    /// The product.
    pub product_id: ProductId,
    /// Units that are there.
    pub on_hand: u64,
    /// Units of them that are promised.
    pub reserved: u64,
    /// Units that can be promised: `on_hand` less `reserved`.
    pub available: u64,
}

/// A product's stock beside the sums of its ledger. `received + adjusted + sold + returned` is `stock.on_hand`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Balance {
    /// What is there.
    pub stock: Stock,
    /// Sum of the changes of this kind, units.
    pub received: i64,
    /// Sum of the changes of this kind, units, negative or positive.
    pub adjusted: i64,
    /// Sum of the changes of this kind, units, negative.
    pub sold: i64,
    /// Sum of the changes of this kind, units.
    pub returned: i64,
    /// Units in reservations that are held.
    pub held: u64,
}

/// Why goods came or went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MovementKind {
    /// Bought, or there at the beginning. Positive.
    Received,
    /// Counted, found, damaged, lost or given away. Not 0.
    Adjusted,
    /// Left with an order or a sale. Negative.
    Sold,
    /// Came back from a customer. Positive.
    Returned,
}

/// The kinds that are not made by an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AdjustmentKind {
    /// Goods that were bought. Positive.
    Received,
    /// A correction. Not 0.
    Adjusted,
}

/// One entry of the ledger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Movement {
    /// The product.
    pub product_id: ProductId,
    /// Why.
    pub kind: MovementKind,
    /// Units, negative for goods that went.
    pub change: i64,
    /// Who moved them under which name, if somebody said.
    pub reference: Option<String>,
    /// Free text, may be empty.
    pub note: String,
    /// When it happened.
    pub at: Timestamp,
}

/// A movement to be recorded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NewMovement {
    /// The product.
    pub product_id: ProductId,
    /// Why. Decides which sign `change` has.
    pub kind: MovementKind,
    /// Units, at most [`MAX_QUANTITY`] either way, not 0.
    pub change: i64,
    /// Stands for this movement for ever. 1 to [`MAX_REFERENCE_BYTES`] bytes of printable ASCII.
    pub reference: String,
    /// At most [`MAX_NOTE_CHARS`] characters.
    pub note: String,
    /// When it happened; not in the future.
    pub at: Timestamp,
}

/// What became of one movement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum MovementOutcome {
    /// It is in the ledger now.
    Recorded,
    /// It was there before.
    Known,
    /// The reference stands for another product, kind or change.
    Differs,
    /// It would take more than is available.
    Insufficient {
        /// Units that are.
        available: u64,
    },
    /// It is not acceptable.
    Rejected {
        /// The field.
        field: String,
        /// What is wrong with it and what would be right.
        reason: String,
    },
}

/// So many of one product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReservedLine {
    /// The product; once per reservation.
    pub product_id: ProductId,
    /// Units, 1 to [`MAX_QUANTITY`].
    pub quantity: u32,
}

/// A promise of goods.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Reservation {
    /// As the caller named it.
    pub reference: String,
    /// By product id; empty for one that was released before it was made.
    pub lines: Vec<ReservedLine>,
    /// What has become of it.
    pub state: ReservationState,
    /// When the promise ends by itself.
    pub expires_at: Timestamp,
}

/// What has become of a reservation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ReservationState {
    /// The goods are promised.
    Held,
    /// The goods have left.
    Committed,
    /// The promise was taken back.
    Released,
    /// The promise ended by itself.
    Expired,
}

impl Scalar for ReservationState {}

/// A line for which there is not enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Shortage {
    /// The product.
    pub product_id: ProductId,
    /// Units that were asked for.
    pub requested: u32,
    /// Units that could be promised.
    pub available: u64,
}

/// What the inventory answers instead.
#[derive(Debug, Clone, PartialEq, thiserror::Error, ContractError)]
pub enum InventoryError {
    /// There is not enough of something, and nothing was taken.
    #[error("there is not enough of {}", shortages.iter().map(|line| format!("{} ({} of {})", line.product_id, line.available, line.requested)).collect::<Vec<_>>().join(", "))]
    #[problem(status = 409, code = "insufficient-stock")]
    InsufficientStock {
        /// Every line that falls short, by product id.
        shortages: Vec<Shortage>,
    },
    /// A movement is not acceptable.
    #[error("{field}: {reason}")]
    #[problem(status = 422, code = "invalid-movement")]
    InvalidMovement {
        /// The field.
        field: String,
        /// What is wrong with it and what would be right.
        reason: String,
    },
    /// A reservation is not acceptable.
    #[error("{field}: {reason}")]
    #[problem(status = 422, code = "invalid-reservation")]
    InvalidReservation {
        /// The field.
        field: String,
        /// What is wrong with it and what would be right.
        reason: String,
    },
    /// Nothing was reserved under this reference.
    #[error("nothing is reserved as {reference}")]
    #[problem(status = 404, code = "unknown-reservation")]
    UnknownReservation {
        /// As it was asked for.
        reference: String,
    },
    /// The reference stands for other lines.
    #[error("{reference} stands for other lines")]
    #[problem(status = 409, code = "reservation-differs")]
    ReservationDiffers {
        /// The reference.
        reference: String,
    },
    /// The reservation was released.
    #[error("{reference} was released")]
    #[problem(status = 409, code = "reservation-released")]
    ReservationReleased {
        /// The reference.
        reference: String,
    },
    /// The goods have left.
    #[error("the goods of {reference} have left: record their return instead")]
    #[problem(status = 409, code = "reservation-committed")]
    ReservationCommitted {
        /// The reference.
        reference: String,
    },
    /// More items than one call takes.
    #[error("{given} items in one call, at most {limit} are taken")]
    #[problem(status = 422, code = "too-many-items")]
    TooManyItems {
        /// What came.
        given: u32,
        /// What is taken.
        limit: u32,
    },
    /// A page token that this list did not give.
    #[error("the page token is not one of this list: start again without it")]
    #[problem(status = 422, code = "bad-page-token")]
    BadPageToken,
    /// Not the inventory's own answer.
    #[error(transparent)]
    Call(#[from] CallFailure),
}
