//! Use cases of the inventory: each method validates the request, opens the transaction and returns the result.
//! Contains neither SQL nor business rules. The lifecycle of reservations is in `reservations.rs`.

use std::collections::BTreeSet;

use async_trait::async_trait;
use inventory_api::v1::{
    AdjustmentKind, Balance, InventoryApi, InventoryError, MAX_BULK_ITEMS, Movement, MovementKind, MovementOutcome,
    NewMovement, ProductId, Reservation, ReservationState, ReservedLine, Shortage, Stock,
};
use offshoot_contract::{CallContext, CallFailure, FailureKind, Page, PageSize, Timestamp, page_token};

use crate::events::{publish_stock_changes, to_stock};
use crate::recording::{Level, MovementRecording};
use crate::store::{self, MovementId, MovementRow};
use crate::{Inventory, validation};

#[async_trait]
impl InventoryApi for Inventory {
    async fn stock(&self, cx: &mut CallContext, product_id: ProductId) -> Result<Stock, InventoryError> {
        let mut read = self.db.read(cx).await?;
        let level = store::level(&mut read, product_id).await?;
        Ok(to_stock(product_id, level.unwrap_or_default()))
    }

    async fn stock_of(&self, cx: &mut CallContext, product_ids: Vec<ProductId>) -> Result<Vec<Stock>, InventoryError> {
        check_count(product_ids.len())?;
        let mut read = self.db.read(cx).await?;
        let levels = store::levels(&mut read, product_ids.clone()).await?;
        let level = |id: ProductId| to_stock(id, levels.get(&id).copied().unwrap_or_default());
        Ok(product_ids.into_iter().map(level).collect())
    }

    async fn balances(
        &self,
        cx: &mut CallContext,
        page_size: Option<u32>,
        page_token: Option<String>,
    ) -> Result<Page<Balance>, InventoryError> {
        let size = PageSize::resolve(page_size);
        let after: Option<ProductId> = parse_token(&["balances"], page_token)?;
        let mut read = self.db.read(cx).await?;
        let rows = store::balances(&mut read, after, size + 1).await?;
        Ok(page_token::paginate(rows, size, |last| {
            page_token::encode(&["balances"], &last.stock.product_id.to_string())
        }))
    }

    async fn movements(
        &self,
        cx: &mut CallContext,
        product_id: ProductId,
        page_size: Option<u32>,
        page_token: Option<String>,
    ) -> Result<Page<Movement>, InventoryError> {
        let size = PageSize::resolve(page_size);
        let product = product_id.to_string();
        let list = ["movements", product.as_str()];
        let before: Option<MovementId> = parse_token(&list, page_token)?;
        let mut read = self.db.read(cx).await?;
        let rows = store::movements(&mut read, product_id, before, size + 1).await?;
        let page = page_token::paginate(rows, size, |(id, _)| page_token::encode(&list, &id.to_string()));
        Ok(page.map(|(_, movement)| movement))
    }

    async fn adjust(
        &self,
        cx: &mut CallContext,
        product_id: ProductId,
        kind: AdjustmentKind,
        change: i64,
        note: String,
    ) -> Result<Stock, InventoryError> {
        let kind = match kind {
            AdjustmentKind::Received => MovementKind::Received,
            AdjustmentKind::Adjusted => MovementKind::Adjusted,
        };
        let invalid = |(field, reason): validation::InvalidField| InventoryError::InvalidMovement {
            field: field.to_owned(),
            reason,
        };
        validation::check_change(kind, change).map_err(invalid)?;
        validation::check_note(&note).map_err(invalid)?;
        let mut tx = self.db.begin(cx).await?;
        let changed = if change > 0 {
            store::add_units(&mut tx, product_id, change).await?
        } else {
            store::remove_units(&mut tx, product_id, -change).await?
        };
        let Some(level) = changed else {
            let level = store::level(&mut tx, product_id).await?.unwrap_or_default();
            return Err(change_refused(product_id, level, change));
        };
        let movement = MovementRow::adjustment(product_id, kind, change, note, self.clock.now());
        store::add_movements(&mut tx, vec![movement]).await?;
        publish_stock_changes(&mut tx, [(product_id, level)]).await?;
        Ok(tx.commit(to_stock(product_id, level)).await?)
    }

    async fn record_many(
        &self,
        cx: &mut CallContext,
        movements: Vec<NewMovement>,
    ) -> Result<Vec<MovementOutcome>, InventoryError> {
        check_count(movements.len())?;
        let now = self.clock.now();
        let mut tx = self.db.begin(cx).await?;
        let products: BTreeSet<_> = movements.iter().map(|movement| movement.product_id).collect();
        let levels = store::lock_levels(&mut tx, products.into_iter().collect()).await?;
        let recorded = store::recorded_movements(&mut tx, &movements).await?;
        let before = levels.clone();
        let MovementRecording {
            movements,
            changes,
            outcomes,
        } = MovementRecording::plan(movements, recorded, levels, now);
        let (rows, products) = (movements.len() as u64, changes.len() as u64);
        let rows_added =
            store::add_movements(&mut tx, movements.into_iter().map(MovementRow::from_new).collect()).await?;
        // This transaction locks the levels but not the references: a concurrent call may have used a reference for
        // another product.
        let after = changes.iter().map(|(id, change)| {
            let level = before.get(id).copied().unwrap_or_default();
            let on_hand = level.on_hand + change;
            (*id, Level { on_hand, ..level })
        });
        let after: Vec<_> = after.collect();
        if rows_added != rows || store::change_levels(&mut tx, changes).await? != products {
            let message = "a concurrent call used one of the references while movements were recorded";
            return Err(CallFailure::not_executed(FailureKind::Unavailable, message).into());
        }
        publish_stock_changes(&mut tx, after).await?;
        Ok(tx.commit(outcomes).await?)
    }

    async fn reserve(
        &self,
        cx: &mut CallContext,
        reference: String,
        lines: Vec<ReservedLine>,
        expires_at: Timestamp,
    ) -> Result<Reservation, InventoryError> {
        self.make_reservation(cx, reference, lines, expires_at).await
    }

    async fn commit(&self, cx: &mut CallContext, reference: String) -> Result<Reservation, InventoryError> {
        self.commit_reservation(cx, reference).await
    }

    async fn release(&self, cx: &mut CallContext, reference: String) -> Result<(), InventoryError> {
        self.release_reservation(cx, reference).await
    }

    async fn reservations(
        &self,
        cx: &mut CallContext,
        state: Option<ReservationState>,
        page_size: Option<u32>,
        page_token: Option<String>,
    ) -> Result<Page<Reservation>, InventoryError> {
        let size = PageSize::resolve(page_size);
        let list = ["reservations", state.map_or("", ReservationState::as_str)];
        let after: Option<String> = parse_token(&list, page_token)?;
        let mut read = self.db.read(cx).await?;
        let references = store::references(&mut read, state, after.unwrap_or_default(), size + 1).await?;
        let page = page_token::paginate(references, size, |last| page_token::encode(&list, last));
        Ok(Page {
            items: store::reservations(&mut read, page.items).await?,
            next_page_token: page.next_page_token,
        })
    }
}

fn change_refused(product_id: ProductId, level: Level, change: i64) -> InventoryError {
    if change > 0 {
        return InventoryError::InvalidMovement {
            field: "change".to_owned(),
            reason: format!("would exceed {} units of one product", validation::MAX_ON_HAND),
        };
    }
    InventoryError::InsufficientStock {
        shortages: vec![Shortage {
            product_id,
            requested: u32::try_from(change.unsigned_abs()).unwrap_or(u32::MAX),
            available: level.available(),
        }],
    }
}

fn check_count(given: usize) -> Result<(), InventoryError> {
    if given <= MAX_BULK_ITEMS {
        return Ok(());
    }
    Err(InventoryError::TooManyItems {
        given: u32::try_from(given).unwrap_or(u32::MAX),
        limit: u32::try_from(MAX_BULK_ITEMS).unwrap_or(u32::MAX),
    })
}

/// Decodes the key after which the page begins. Fails with `BadPageToken`.
fn parse_token<K: std::str::FromStr>(list: &[&str], token: Option<String>) -> Result<Option<K>, InventoryError> {
    page_token::position_after(list, token.as_deref(), |key| key.parse().ok()).map_err(|_| InventoryError::BadPageToken)
}
