//! What must be true when nothing is under way any more, whatever has happened before.

use std::collections::BTreeMap;

use catalog_api::ProductId;
use inventory_api::v1::ReservationState;
use offshoot_contract::Money;
use orders_api::v1::{Order, OrderStatus, RevenueBy};
use payments_api::v1::PaymentStatus;

use crate::T;
use crate::shop::all;

/// Every order is closed; goods have left, and money was kept, for what is confirmed and did not come back, and for
/// nothing else; nothing is promised or held; and the revenue is what was kept.
pub(crate) async fn agree(t: &T) {
    let mut kept = 0;
    for order in all(t).await {
        assert_eq!(order.open_steps, Vec::<String>::new(), "{order:?}");
        assert_ne!(order.status, OrderStatus::Pending, "{order:?}");
        assert_eq!(t.world.inventory.gone(order.id), goods(&order), "{order:?}");
        assert_eq!(t.world.payments.kept(order.id), money(&order), "{order:?}");
        let promised = t.world.inventory.reservations(order.id);
        let open = |state| matches!(state, ReservationState::Held | ReservationState::Expired);
        assert!(
            !promised.iter().any(|each| open(each.state)),
            "{promised:?} of {order:?}"
        );
        let held = t.world.payments.of(order.id);
        let open = |status| matches!(status, PaymentStatus::Pending | PaymentStatus::Authorized);
        assert!(!held.iter().any(|each| open(each.status)), "{held:?} of {order:?}");
        kept += money(&order);
    }
    for by in [RevenueBy::Month, RevenueBy::Country] {
        let revenue = t.api.revenue(&mut t.cx(), by).await.unwrap();
        let net = revenue.totals.iter().map(|total| total.net);
        let expected = (!revenue.rows.is_empty()).then_some(Money::new(kept, Money::GBP));
        assert!(net.eq(expected), "{kept} were kept: {revenue:?}");
    }
}

/// Units by product that the customer has.
fn goods(order: &Order) -> BTreeMap<ProductId, i64> {
    if order.status == OrderStatus::Failed {
        return BTreeMap::new();
    }
    let lines = order.lines.iter();
    let units = lines.map(|line| (line.product_id.unwrap(), line.quantity - line.returned));
    units.filter(|(_, units)| *units != 0).collect()
}

/// Ten-thousandths that the customer has paid.
fn money(order: &Order) -> i64 {
    match order.status {
        OrderStatus::Failed => 0,
        _ => order.total.ten_thousandths() - order.refunded.ten_thousandths(),
    }
}
