//! Reads the facts for the proofs: the data of each module, through the module's contract. Judges nothing.

use std::time::Duration;

use anyhow::{Result, anyhow};
use tokio::time::{Instant, sleep};

use inventory_api::v1::{Balance, InventoryApi, Reservation, ReservationState};
use offshoot_contract::{CallContext, Page, PageSize};
use orders_api::v1::{Order, OrdersApi, Revenue, RevenueBy};
use payments_api::v1::{Payment, PaymentStatus, PaymentsApi};

use crate::Modules;

/// Pause between two checks for changes in flight.
const LOOK_AGAIN: Duration = Duration::from_millis(250);
/// Timeout of one page.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);
/// Items per page, the maximum.
const PAGE: Option<u32> = Some(PageSize::MAX);

/// Data of the store.
#[derive(Debug)]
pub(super) struct Facts {
    /// Orders bought in this store, and imported sales.
    pub(super) orders: Vec<Order>,
    pub(super) balances: Vec<Balance>,
    pub(super) reservations: Vec<Reservation>,
    pub(super) payments: Vec<Payment>,
    pub(super) revenue: Revenue,
}

impl Facts {
    /// Waits until no change is in flight, at most `patience`, and reads everything.
    pub(super) async fn when_all_has_ended(modules: &Modules, patience: Duration) -> Result<Self> {
        let (inventory, payments, orders) = (&*modules.inventory, &*modules.payments, &*modules.orders);
        let give_up = Instant::now() + patience;
        loop {
            let quiet = is_quiet(inventory, payments).await?;
            if quiet || Instant::now() > give_up {
                let facts = Self::read(inventory, payments, orders).await?;
                if facts.orders.iter().all(|order| order.open_steps.is_empty()) || Instant::now() > give_up {
                    return Ok(facts);
                }
            }
            sleep(LOOK_AGAIN).await;
        }
    }

    async fn read(inventory: &dyn InventoryApi, payments: &dyn PaymentsApi, orders: &dyn OrdersApi) -> Result<Self> {
        let revenue = orders.revenue(&mut cx(), RevenueBy::Month).await;
        Ok(Self {
            orders: all("orders", async |token| {
                orders.orders(&mut cx(), None, PAGE, token).await
            })
            .await?,
            balances: all("balances", async |token| {
                inventory.balances(&mut cx(), PAGE, token).await
            })
            .await?,
            reservations: all("reservations", async |token| {
                inventory.reservations(&mut cx(), None, PAGE, token).await
            })
            .await?,
            payments: all("payments", async |token| {
                payments.payments(&mut cx(), None, PAGE, token).await
            })
            .await?,
            revenue: revenue.map_err(|error| anyhow!("cannot read the revenue: {error}"))?,
        })
    }
}

/// Whether nothing is reserved or held: a cheap check before reading everything.
async fn is_quiet(inventory: &dyn InventoryApi, payments: &dyn PaymentsApi) -> Result<bool> {
    let held = inventory
        .reservations(&mut cx(), Some(ReservationState::Held), Some(1), None)
        .await;
    let mut quiet = held
        .map_err(|error| anyhow!("cannot read the reservations: {error}"))?
        .items
        .is_empty();
    for status in [PaymentStatus::Pending, PaymentStatus::Authorized] {
        let open = payments.payments(&mut cx(), Some(status), Some(1), None).await;
        quiet &= open
            .map_err(|error| anyhow!("cannot read the payments: {error}"))?
            .items
            .is_empty();
    }
    Ok(quiet)
}

/// Reads every page of a list.
async fn all<T, E: std::error::Error>(
    list: &str,
    page: impl AsyncFn(Option<String>) -> Result<Page<T>, E>,
) -> Result<Vec<T>> {
    let mut items = Vec::new();
    let mut token = None;
    loop {
        let next = page(token)
            .await
            .map_err(|error| anyhow!("cannot read the {list}: {error}"))?;
        items.extend(next.items);
        token = next.next_page_token;
        if token.is_none() {
            return Ok(items);
        }
    }
}

fn cx() -> CallContext {
    CallContext::root("replay").with_timeout(CALL_TIMEOUT)
}
