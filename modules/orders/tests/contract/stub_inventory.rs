//! An inventory in memory that a body stocks, steers and counts. Keeps as much of the contract as the orders use: promises
//! by reference, goods that leave once, references that are refused for ever. Whatever else is asked of it fails.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use inventory_api::v1::{
    AdjustmentKind, Balance, InventoryApi, InventoryError, MAX_BULK_ITEMS, MAX_REFERENCE_BYTES, Movement, MovementKind,
    MovementOutcome, NewMovement, ProductId, Reservation, ReservationState, ReservedLine, Shortage, Stock,
};
use offshoot_contract::{CallContext, CallFailure, Clock, Contract, Edge, Page, Timestamp};
use orders_api::OrderId;

use crate::faults::Faults;

/// Where the orders get their goods.
pub(crate) struct StubInventory {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    pub(crate) faults: Faults,
}

#[derive(Default)]
struct State {
    on_hand: HashMap<ProductId, u64>,
    reservations: HashMap<String, Reservation>,
    /// What left and came back, by reference.
    ledger: HashMap<String, NewMovement>,
    /// How much its clock is behind that of the orders.
    behind: Duration,
}

impl StubInventory {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            state: Mutex::default(),
            faults: Faults::default(),
        }
    }

    /// The inventory as the orders hold it.
    pub(crate) fn behind_its_edge(self: &Arc<Self>) -> Arc<dyn InventoryApi> {
        let api: Arc<dyn InventoryApi> = Arc::clone(self) as Arc<dyn InventoryApi>;
        <dyn InventoryApi as Contract>::object(Arc::new(Edge::new(api)))
    }

    /// From now on there are so many.
    pub(crate) fn has(&self, product: ProductId, units: u64) {
        self.state().on_hand.insert(product, units);
    }

    pub(crate) fn on_hand(&self, product: ProductId) -> u64 {
        self.state().on_hand[&product]
    }

    /// Every promise that is held ends by itself.
    pub(crate) fn lets_promises_expire(&self) {
        let mut state = self.state();
        let held = state.reservations.values_mut();
        for reservation in held.filter(|each| each.state == ReservationState::Held) {
            reservation.state = ReservationState::Expired;
        }
    }

    /// Its clock is so much behind that of the orders.
    pub(crate) fn is_behind(&self, by: Duration) {
        self.state().behind = by;
    }

    /// The reservations of an order.
    pub(crate) fn reservations(&self, order: OrderId) -> Vec<Reservation> {
        let state = self.state();
        let own = state.reservations.values().filter(|each| is_of(&each.reference, order));
        own.cloned().collect()
    }

    /// Units by product that have left with an order and not come back.
    pub(crate) fn gone(&self, order: OrderId) -> BTreeMap<ProductId, i64> {
        let mut gone = BTreeMap::new();
        for movement in self
            .state()
            .ledger
            .values()
            .filter(|each| is_of(&each.reference, order))
        {
            *gone.entry(movement.product_id).or_default() -= movement.change;
        }
        gone.retain(|_, units| *units != 0);
        gone
    }

    /// References under which goods came back, in order.
    pub(crate) fn returned(&self) -> Vec<String> {
        let state = self.state();
        let back = state.ledger.values().filter(|each| each.kind == MovementKind::Returned);
        let mut references: Vec<_> = back.map(|movement| movement.reference.clone()).collect();
        references.sort();
        references
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

fn is_of(reference: &str, order: OrderId) -> bool {
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
            return Err(CallFailure::internal("a reservation has lines, one per product").into());
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
            assert_eq!(before, None, "goods leave once");
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
        if movement.at.plus(self.behind) > now {
            return MovementOutcome::Rejected {
                field: "at".to_owned(),
                reason: format!("{} is in the future", movement.at),
            };
        }
        if movement.kind != MovementKind::Returned || movement.change <= 0 {
            return MovementOutcome::Rejected {
                field: "kind".to_owned(),
                reason: "the orders only bring goods back".to_owned(),
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
    Err(CallFailure::internal("no reference looks like this").into())
}

fn unasked<A>() -> Result<A, InventoryError> {
    Err(CallFailure::internal("the orders have no business with this method of the inventory").into())
}

#[async_trait]
impl InventoryApi for StubInventory {
    async fn reserve(
        &self,
        _: &mut CallContext,
        reference: String,
        lines: Vec<ReservedLine>,
        expires_at: Timestamp,
    ) -> Result<Reservation, InventoryError> {
        let effect = || self.state().reserve(reference, lines, expires_at);
        self.faults.around("reserve", effect).await
    }

    async fn commit(&self, _: &mut CallContext, reference: String) -> Result<Reservation, InventoryError> {
        let effect = || self.state().commit(reference, self.clock.now());
        self.faults.around("commit", effect).await
    }

    async fn release(&self, _: &mut CallContext, reference: String) -> Result<(), InventoryError> {
        let effect = || self.state().release(reference);
        self.faults.around("release", effect).await
    }

    async fn record_many(
        &self,
        _: &mut CallContext,
        movements: Vec<NewMovement>,
    ) -> Result<Vec<MovementOutcome>, InventoryError> {
        let effect = || {
            if movements.len() > MAX_BULK_ITEMS {
                return Err(CallFailure::internal("too many movements at once").into());
            }
            let mut state = self.state();
            let now = self.clock.now();
            Ok(movements
                .into_iter()
                .map(|movement| state.record(movement, now))
                .collect())
        };
        self.faults.around("record_many", effect).await
    }

    async fn stock(&self, _: &mut CallContext, _: ProductId) -> Result<Stock, InventoryError> {
        unasked()
    }

    async fn stock_of(&self, _: &mut CallContext, _: Vec<ProductId>) -> Result<Vec<Stock>, InventoryError> {
        unasked()
    }

    async fn balances(
        &self,
        _: &mut CallContext,
        _: Option<u32>,
        _: Option<String>,
    ) -> Result<Page<Balance>, InventoryError> {
        unasked()
    }

    async fn movements(
        &self,
        _: &mut CallContext,
        _: ProductId,
        _: Option<u32>,
        _: Option<String>,
    ) -> Result<Page<Movement>, InventoryError> {
        unasked()
    }

    async fn adjust(
        &self,
        _: &mut CallContext,
        _: ProductId,
        _: AdjustmentKind,
        _: i64,
        _: String,
    ) -> Result<Stock, InventoryError> {
        unasked()
    }

    async fn reservations(
        &self,
        _: &mut CallContext,
        _: Option<ReservationState>,
        _: Option<u32>,
        _: Option<String>,
    ) -> Result<Page<Reservation>, InventoryError> {
        unasked()
    }
}
