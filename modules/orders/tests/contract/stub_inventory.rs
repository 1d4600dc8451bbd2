//! Test double of the inventory module, in memory: each reference is reserved and shipped once, and a released reference
//! stays refused.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use inventory_api::v1::inventory_api_methods::{CommitMethod, RecordManyMethod, ReleaseMethod, ReserveMethod};
use inventory_api::v1::{
    InventoryApi, InventoryError, MAX_BULK_ITEMS, MAX_REFERENCE_BYTES, MovementKind, MovementOutcome, NewMovement,
    ProductId, Reservation, ReservationState, ReservedLine, Shortage,
};
use offshoot_contract::{CallFailure, Clock, Timestamp};
use offshoot_testkit::{Double, Faults};
use orders_api::OrderId;

/// Stock, reservations and a ledger in memory.
pub(crate) struct StubInventory {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    pub(crate) faults: Faults,
}

#[derive(Default)]
struct State {
    on_hand: HashMap<ProductId, u64>,
    reservations: HashMap<String, Reservation>,
    /// Shipped and returned stock, by reference.
    ledger: HashMap<String, NewMovement>,
    /// How far the inventory's clock is behind the orders' clock.
    clock_behind: Duration,
}

impl StubInventory {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            state: Mutex::default(),
            faults: Faults::default(),
        }
    }

    /// The double behind an edge, as the orders module calls it.
    pub(crate) fn behind_edge(self: &Arc<Self>) -> Arc<dyn InventoryApi> {
        Double::new(Arc::clone(self))
            .with_faults(&self.faults)
            .answers(ReserveMethod, |stub: &Self, call| {
                let (reference, body) = (call.params.reference, call.body);
                stub.state().reserve(reference, body.lines, body.expires_at)
            })
            .answers(CommitMethod, |stub, call| {
                stub.state().commit(call.params.reference, stub.clock.now())
            })
            .answers(ReleaseMethod, |stub, call| stub.state().release(call.params.reference))
            .answers(RecordManyMethod, |stub, call| stub.record_many(call.body.movements))
            .into_api()
    }

    fn record_many(&self, movements: Vec<NewMovement>) -> Result<Vec<MovementOutcome>, InventoryError> {
        if movements.len() > MAX_BULK_ITEMS {
            return Err(CallFailure::internal("the call has too many movements").into());
        }
        let mut state = self.state();
        let now = self.clock.now();
        Ok(movements
            .into_iter()
            .map(|movement| state.record(movement, now))
            .collect())
    }

    /// Sets the stock of a product.
    pub(crate) fn set_stock(&self, product: ProductId, units: u64) {
        self.state().on_hand.insert(product, units);
    }

    pub(crate) fn on_hand(&self, product: ProductId) -> u64 {
        self.state().on_hand[&product]
    }

    /// Expires every held reservation.
    pub(crate) fn expire_reservations(&self) {
        let mut state = self.state();
        let held = state.reservations.values_mut();
        for reservation in held.filter(|each| each.state == ReservationState::Held) {
            reservation.state = ReservationState::Expired;
        }
    }

    /// Sets the inventory's clock behind the orders' clock.
    pub(crate) fn set_clock_behind(&self, by: Duration) {
        self.state().clock_behind = by;
    }

    /// The reservations of an order.
    pub(crate) fn reservations_of(&self, order: OrderId) -> Vec<Reservation> {
        let state = self.state();
        let own = state
            .reservations
            .values()
            .filter(|each| belongs_to(&each.reference, order));
        own.cloned().collect()
    }

    /// Units by product shipped with an order, less returns.
    pub(crate) fn shipped_units(&self, order: OrderId) -> BTreeMap<ProductId, i64> {
        let mut shipped = BTreeMap::new();
        for movement in self
            .state()
            .ledger
            .values()
            .filter(|each| belongs_to(&each.reference, order))
        {
            *shipped.entry(movement.product_id).or_default() -= movement.change;
        }
        shipped.retain(|_, units| *units != 0);
        shipped
    }

    /// References of returned stock, sorted.
    pub(crate) fn returned_references(&self) -> Vec<String> {
        let state = self.state();
        let returned = state.ledger.values().filter(|each| each.kind == MovementKind::Returned);
        let mut references: Vec<_> = returned.map(|movement| movement.reference.clone()).collect();
        references.sort();
        references
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

fn belongs_to(reference: &str, order: OrderId) -> bool {
    reference.starts_with(&format!("{order}."))
}

impl State {
    fn available(&self, product: ProductId) -> u64 {
        let held = self.reservations.values();
        let held = held.filter(|each| each.state == ReservationState::Held);
        let lines = held
            .flat_map(|each| &each.lines)
            .filter(|line| line.product_id == product);
        let reserved: u64 = lines.map(|line| u64::from(line.quantity)).sum();
        self.on_hand.get(&product).copied().unwrap_or(0) - reserved
    }

    fn require(&self, lines: &[ReservedLine]) -> Result<(), InventoryError> {
        let shortage = |line: &ReservedLine| {
            let available = self.available(line.product_id);
            (available < u64::from(line.quantity)).then_some(Shortage {
                product_id: line.product_id,
                requested: line.quantity,
                available,
            })
        };
        let shortages: Vec<_> = lines.iter().filter_map(shortage).collect();
        if shortages.is_empty() {
            return Ok(());
        }
        Err(InventoryError::InsufficientStock { shortages })
    }

    fn reserve(
        &mut self,
        reference: String,
        mut lines: Vec<ReservedLine>,
        expires_at: Timestamp,
    ) -> Result<Reservation, InventoryError> {
        check_reference(&reference)?;
        lines.sort_by_key(|line| line.product_id);
        if lines.is_empty() || lines.windows(2).any(|pair| pair[0].product_id == pair[1].product_id) {
            return Err(CallFailure::internal("the lines of the reservation are empty or name a product twice").into());
        }
        match self.reservations.get(&reference) {
            Some(known) if known.state == ReservationState::Released => {
                return Err(InventoryError::ReservationReleased { reference });
            }
            Some(known) if known.lines == lines => return Ok(known.clone()),
            Some(_) => return Err(InventoryError::ReservationDiffers { reference }),
            None => self.require(&lines)?,
        }
        let reservation = Reservation {
            reference: reference.clone(),
            lines,
            state: ReservationState::Held,
            expires_at,
        };
        self.reservations.insert(reference, reservation.clone());
        Ok(reservation)
    }

    fn commit(&mut self, reference: String, at: Timestamp) -> Result<Reservation, InventoryError> {
        let Some(known) = self.reservations.get(&reference).cloned() else {
            return Err(InventoryError::UnknownReservation { reference });
        };
        match known.state {
            ReservationState::Committed => return Ok(known),
            ReservationState::Released => return Err(InventoryError::ReservationReleased { reference }),
            ReservationState::Expired => self.require(&known.lines)?,
            ReservationState::Held => {}
        }
        for line in &known.lines {
            let movement = NewMovement {
                product_id: line.product_id,
                kind: MovementKind::Sold,
                change: -i64::from(line.quantity),
                reference: format!("{reference}/{}", line.product_id),
                note: String::new(),
                at,
            };
            *self.on_hand.get_mut(&line.product_id).unwrap() -= u64::from(line.quantity);
            let before = self.ledger.insert(movement.reference.clone(), movement);
            assert_eq!(before, None, "stock shipped twice");
        }
        let committed = self.reservations.get_mut(&reference).unwrap();
        committed.state = ReservationState::Committed;
        Ok(committed.clone())
    }

    fn release(&mut self, reference: String) -> Result<(), InventoryError> {
        let tombstone = Reservation {
            reference: reference.clone(),
            lines: Vec::new(),
            state: ReservationState::Released,
            expires_at: Timestamp::from_micros(0).unwrap(),
        };
        let known = self.reservations.entry(reference.clone()).or_insert(tombstone);
        if known.state == ReservationState::Committed {
            return Err(InventoryError::ReservationCommitted { reference });
        }
        known.state = ReservationState::Released;
        Ok(())
    }

    fn record(&mut self, movement: NewMovement, now: Timestamp) -> MovementOutcome {
        if movement.at.plus(self.clock_behind) > now {
            return MovementOutcome::Rejected {
                field: "at".to_owned(),
                reason: format!("{} is in the future", movement.at),
            };
        }
        if movement.kind != MovementKind::Returned || movement.change <= 0 {
            return MovementOutcome::Rejected {
                field: "kind".to_owned(),
                reason: "orders record returns only".to_owned(),
            };
        }
        match self.ledger.get(&movement.reference) {
            Some(known) if (known.product_id, known.change) == (movement.product_id, movement.change) => {
                MovementOutcome::Known
            }
            Some(_) => MovementOutcome::Differs,
            None => {
                let units = self.on_hand.entry(movement.product_id).or_default();
                *units += movement.change.unsigned_abs();
                self.ledger.insert(movement.reference.clone(), movement);
                MovementOutcome::Recorded
            }
        }
    }
}

fn check_reference(reference: &str) -> Result<(), InventoryError> {
    if (1..=MAX_REFERENCE_BYTES).contains(&reference.len()) && reference.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(());
    }
    Err(CallFailure::internal("the reference is invalid").into())
}
