//! Version 1 of the inventory contract: stock and reservations.
//!
//! The inventory counts units per product id and knows nothing else about products: an unknown product has a stock of
//! zero. A unit is never reserved twice, also by concurrent calls. Every change of the units on hand is an entry in a
//! ledger, and the sum of the ledger is the stock.
//!
//! A caller names movements and reservations by a **reference** that the caller makes up, such as an order id with a
//! step name. A reference identifies one thing for ever, so every call with a reference may be repeated at any time.

// Events.
mod event;

use async_trait::async_trait;
use offshoot_contract::{
    CallContext, CallFailure, ContractError, Page, PageSize, Scalar, Timestamp, contract, page_token,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::event::InventoryEvent;
pub use catalog_api::ProductId;

/// Maximum number of items in one bulk call.
pub const MAX_BULK_ITEMS: usize = 1_000;
/// Maximum number of lines of one reservation, equal to the limit of a cart.
pub const MAX_LINES: u32 = 1_500;
/// Maximum units of one movement or line. The largest real quantity on record is 80,995.
pub const MAX_QUANTITY: u32 = 1_000_000;
/// Maximum length of a reference, bytes of printable ASCII.
pub const MAX_REFERENCE_BYTES: usize = 100;
/// Maximum length of a note, characters.
pub const MAX_NOTE_CHARS: usize = 200;

/// Stock levels, the ledger of stock movements, and reservations. Quantities are units of one product.
///
/// A reference is a name that the caller makes up for one movement or reservation, 1 to 100 bytes of printable ASCII
/// without spaces. A reference stands for one effect for ever, so a call with a reference may be repeated at any time.
///
/// A list has 20 items per page, or `page_size` items, 1 to 100. `page_token` is the `next_page_token` of the previous
/// page; the last page has none.
#[contract(name = "inventory", version = "1.1", events = InventoryEvent)]
#[async_trait]
pub trait InventoryApi: Send + Sync + 'static {
    /// Returns the stock of a product; zeros for a product without movements.
    #[get("/stock/{product_id}")]
    async fn stock(&self, cx: &mut CallContext, product_id: ProductId) -> Result<Stock, InventoryError>;

    /// Returns the stock of each of these products, in the order of `product_ids`; zeros for products without
    /// movements. Fails with `TooManyItems` above 1,000 ids.
    #[post("/stock/lookup", safe)]
    async fn stock_of(
        &self,
        cx: &mut CallContext,
        #[schemars(length(max = MAX_BULK_ITEMS))] product_ids: Vec<ProductId>,
    ) -> Result<Vec<Stock>, InventoryError>;

    /// Lists every product with movements, ordered by id, with the stock and the sums of the ledger, so that a caller
    /// can check that both agree. Fails with `BadPageToken`.
    #[get("/balances")]
    async fn balances(
        &self,
        cx: &mut CallContext,
        #[schemars(range(min = 1, max = PageSize::MAX))] page_size: Option<u32>,
        #[schemars(length(max = page_token::MAX_TOKEN_CHARS))] page_token: Option<String>,
    ) -> Result<Page<Balance>, InventoryError>;

    /// Lists the ledger of one product, newest entry first. Fails with `BadPageToken`.
    #[get("/stock/{product_id}/movements")]
    async fn movements(
        &self,
        cx: &mut CallContext,
        product_id: ProductId,
        #[schemars(range(min = 1, max = PageSize::MAX))] page_size: Option<u32>,
        #[schemars(length(max = page_token::MAX_TOKEN_CHARS))] page_token: Option<String>,
    ) -> Result<Page<Movement>, InventoryError>;

    /// Changes the units on hand by `change`: positive for `Received`, positive or negative for `Adjusted`, never 0, and
    /// at most 1,000,000 in either direction. `note` has at most 200 characters.
    /// Fails with `InvalidMovement`, or with `InsufficientStock` if fewer units are available than the change removes.
    #[post("/stock/{product_id}/movements")]
    async fn adjust(
        &self,
        cx: &mut CallContext,
        product_id: ProductId,
        kind: AdjustmentKind,
        #[schemars(range(min = -i64::from(MAX_QUANTITY), max = MAX_QUANTITY))] change: i64,
        #[schemars(length(max = MAX_NOTE_CHARS))] note: String,
    ) -> Result<Stock, InventoryError>;

    /// Records up to 1,000 movements that happened elsewhere and returns one outcome per item, in the same
    /// order. A movement with a recorded reference is left unchanged, so a repeat is harmless. A movement that removes
    /// more than the available units is refused, without affecting the others. The call as a whole fails only with
    /// `TooManyItems`.
    #[post("/movements/bulk", idempotent)]
    async fn record_many(
        &self,
        cx: &mut CallContext,
        #[schemars(length(max = MAX_BULK_ITEMS))] movements: Vec<NewMovement>,
    ) -> Result<Vec<MovementOutcome>, InventoryError>;

    /// Reserves all lines or none, until `expires_at`. A repeat with the same reference and lines returns the existing
    /// reservation in the current state. Fails with `InsufficientStock`, which names every line with too few units,
    /// with `ReservationDiffers` if the reference has other lines, with `ReservationReleased` if the reference was
    /// released, even before the reservation was made, or with `InvalidReservation`.
    #[put("/reservations/{reference}")]
    async fn reserve(
        &self,
        cx: &mut CallContext,
        #[schemars(length(min = 1, max = MAX_REFERENCE_BYTES))] reference: String,
        #[schemars(length(min = 1, max = MAX_LINES))] lines: Vec<ReservedLine>,
        expires_at: Timestamp,
    ) -> Result<Reservation, InventoryError>;

    /// Removes the reserved units from the stock and records them as sold, once, however often the call is repeated. An
    /// expired reservation is committed from the available units if all lines are available, and fails with
    /// `InsufficientStock` otherwise. Also fails with `UnknownReservation` or `ReservationReleased`.
    #[put("/reservations/{reference}/commit")]
    async fn commit(&self, cx: &mut CallContext, reference: String) -> Result<Reservation, InventoryError>;

    /// Releases a reservation and refuses the reference from then on. An unknown reference can no longer be reserved
    /// either, so a late `reserve` does no harm. Fails with `ReservationCommitted` after a commit, or with
    /// `InvalidReservation`.
    #[delete("/reservations/{reference}")]
    async fn release(
        &self,
        cx: &mut CallContext,
        #[schemars(length(min = 1, max = MAX_REFERENCE_BYTES))] reference: String,
    ) -> Result<(), InventoryError>;

    /// Lists the reservations in `state`, or all, ordered by reference. Fails with `BadPageToken`.
    #[get("/reservations")]
    async fn reservations(
        &self,
        cx: &mut CallContext,
        state: Option<ReservationState>,
        #[schemars(range(min = 1, max = PageSize::MAX))] page_size: Option<u32>,
        #[schemars(length(max = page_token::MAX_TOKEN_CHARS))] page_token: Option<String>,
    ) -> Result<Page<Reservation>, InventoryError>;
}

/// Stock of one product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Stock {
    /// The product.
    pub product_id: ProductId,
    /// Units in the warehouse, reserved units included.
    pub on_hand: u64,
    /// Units that are reserved.
    pub reserved: u64,
    /// Units that can be reserved: `on_hand` less `reserved`.
    pub available: u64,
}

/// Stock of a product and the sums of the ledger. `received + adjusted + sold + returned` equals `stock.on_hand`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Balance {
    /// Current stock.
    pub stock: Stock,
    /// Sum of all `Received` changes, units, positive.
    pub received: i64,
    /// Sum of all `Adjusted` changes, units, negative or positive.
    pub adjusted: i64,
    /// Sum of all `Sold` changes, units, negative.
    pub sold: i64,
    /// Sum of all `Returned` changes, units, positive.
    pub returned: i64,
    /// Units in held reservations.
    pub held: u64,
}

offshoot_contract::named! {
    /// Reason of a stock movement.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
    pub enum MovementKind {
        /// Purchase or opening stock. Positive.
        Received = "received",
        /// Correction: stocktaking, damage, loss or gift. Not 0.
        Adjusted = "adjusted",
        /// Shipment of an order or a sale. Negative.
        Sold = "sold",
        /// Return from a customer. Positive.
        Returned = "returned",
    }
}

/// Kinds of manual movements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AdjustmentKind {
    /// Purchase. Positive.
    Received,
    /// Correction. Not 0.
    Adjusted,
}

/// An entry of the ledger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Movement {
    /// The product.
    pub product_id: ProductId,
    /// Reason of the movement.
    pub kind: MovementKind,
    /// Change of the units on hand, negative for units that left.
    pub change: i64,
    /// Reference given by the caller, absent for manual movements.
    pub reference: Option<String>,
    /// Free text, may be empty.
    pub note: String,
    /// Time of the movement.
    pub at: Timestamp,
}

/// A movement to record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NewMovement {
    /// The product.
    pub product_id: ProductId,
    /// Reason of the movement. Determines the sign of `change`.
    pub kind: MovementKind,
    /// Change of the units on hand, at most 1,000,000 in either direction, not 0.
    #[schemars(range(min = -i64::from(MAX_QUANTITY), max = MAX_QUANTITY))]
    pub change: i64,
    /// Reference of this movement for ever: 1 to 100 bytes of printable ASCII without spaces.
    #[schemars(length(min = 1, max = MAX_REFERENCE_BYTES))]
    pub reference: String,
    /// Free text, at most 200 characters.
    #[schemars(length(max = MAX_NOTE_CHARS))]
    pub note: String,
    /// Time of the movement, not in the future.
    pub at: Timestamp,
}

/// Outcome of one movement of a bulk call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum MovementOutcome {
    /// The movement was added to the ledger.
    Recorded,
    /// The movement was recorded before.
    Known,
    /// The reference belongs to a movement of another product, kind or change.
    Differs,
    /// The movement would remove more units than are available.
    Insufficient {
        /// Available units.
        available: u64,
    },
    /// The movement is invalid.
    Rejected {
        /// Name of the invalid field.
        field: String,
        /// Why the value is invalid and which values are valid.
        reason: String,
    },
}

/// Units of one product to reserve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReservedLine {
    /// The product; at most once per reservation.
    pub product_id: ProductId,
    /// Units, 1 to 1,000,000.
    #[schemars(range(min = 1, max = MAX_QUANTITY))]
    pub quantity: u32,
}

/// A reservation of stock.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Reservation {
    /// Reference given by the caller.
    pub reference: String,
    /// Lines, ordered by product id. Empty if the reference was released before the reservation was made.
    pub lines: Vec<ReservedLine>,
    /// Current state.
    pub state: ReservationState,
    /// Time at which a held reservation expires.
    pub expires_at: Timestamp,
}

offshoot_contract::named! {
    /// State of a reservation.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
    pub enum ReservationState {
        /// The units are reserved.
        Held = "held",
        /// The units have left the stock.
        Committed = "committed",
        /// The reservation was released.
        Released = "released",
        /// The reservation expired.
        Expired = "expired",
    }
}

impl Scalar for ReservationState {}

/// A line with too few available units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Shortage {
    /// The product.
    pub product_id: ProductId,
    /// Requested units.
    pub requested: u32,
    /// Available units.
    pub available: u64,
}

/// Errors of the inventory.
#[derive(Debug, Clone, PartialEq, thiserror::Error, ContractError)]
pub enum InventoryError {
    /// Too few units of a product are available; nothing was changed.
    #[error("too few units are available of {}", shortages.iter().map(|line| format!("{} ({} of {})", line.product_id, line.available, line.requested)).collect::<Vec<_>>().join(", "))]
    #[problem(status = 409, code = "insufficient-stock")]
    InsufficientStock {
        /// Every line with too few units, ordered by product id.
        shortages: Vec<Shortage>,
    },
    /// The movement is invalid.
    #[error("{field}: {reason}")]
    #[problem(status = 422, code = "invalid-movement")]
    InvalidMovement {
        /// Name of the invalid field.
        field: String,
        /// Why the value is invalid and which values are valid.
        reason: String,
    },
    /// The reservation is invalid.
    #[error("{field}: {reason}")]
    #[problem(status = 422, code = "invalid-reservation")]
    InvalidReservation {
        /// Name of the invalid field.
        field: String,
        /// Why the value is invalid and which values are valid.
        reason: String,
    },
    /// No reservation has this reference.
    #[error("there is no reservation {reference}")]
    #[problem(status = 404, code = "unknown-reservation")]
    UnknownReservation {
        /// The requested reference.
        reference: String,
    },
    /// The reservation with this reference has other lines.
    #[error("reservation {reference} exists with other lines")]
    #[problem(status = 409, code = "reservation-differs")]
    ReservationDiffers {
        /// The reference.
        reference: String,
    },
    /// The reservation was released.
    #[error("reservation {reference} was released")]
    #[problem(status = 409, code = "reservation-released")]
    ReservationReleased {
        /// The reference.
        reference: String,
    },
    /// The reservation was committed.
    #[error("reservation {reference} was committed and the stock has left: record a return instead")]
    #[problem(status = 409, code = "reservation-committed")]
    ReservationCommitted {
        /// The reference.
        reference: String,
    },
    /// The bulk call has too many items.
    #[error("the call has {given} items, but the limit is {limit}")]
    #[problem(status = 422, code = "too-many-items")]
    TooManyItems {
        /// Number of items in the call.
        given: u32,
        /// Maximum number of items.
        limit: u32,
    },
    /// The page token was not issued for this list.
    #[error("{}", page_token::InvalidPageToken)]
    #[problem(status = 422, code = "bad-page-token")]
    BadPageToken,
    /// The call failed outside the inventory's own rules.
    #[error(transparent)]
    Call(#[from] CallFailure),
}
