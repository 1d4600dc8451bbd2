//! Invariants of orders, stock, payments and revenue that hold whenever no saga is open.

use std::collections::BTreeMap;

use catalog_api::ProductId;
use inventory_api::v1::ReservationState;
use offshoot_contract::Money;
use orders_api::v1::{Order, OrderStatus, RevenueBy};
use payments_api::v1::PaymentStatus;

use crate::T;
use crate::fixture::all_orders;

/// Asserts that no order has open steps; that stock has shipped and payments were captured exactly for the units that
/// are confirmed and not returned; that no reservation and no authorization is left; and that the revenue equals the
/// captured amounts.
pub(crate) async fn assert_hold(t: &T) {
    let mut captured = 0;
    for order in all_orders(t).await {
        assert_eq!(order.open_steps, Vec::<String>::new(), "{order:?}");
        assert_ne!(order.status, OrderStatus::Pending, "{order:?}");
        assert_eq!(
            t.fakes.inventory.shipped_units(order.id),
            units_of_customer(&order),
            "{order:?}"
        );
        assert_eq!(
            t.fakes.payments.net_captured(order.id),
            amount_paid(&order),
            "{order:?}"
        );
        let reservations = t.fakes.inventory.reservations_of(order.id);
        let open = |state| matches!(state, ReservationState::Held | ReservationState::Expired);
        assert!(
            !reservations.iter().any(|each| open(each.state)),
            "{reservations:?} of {order:?}"
        );
        let payments = t.fakes.payments.payments_of(order.id);
        let open = |status| matches!(status, PaymentStatus::Pending | PaymentStatus::Authorized);
        assert!(
            !payments.iter().any(|each| open(each.status)),
            "{payments:?} of {order:?}"
        );
        captured += amount_paid(&order);
    }
    for by in [RevenueBy::Month, RevenueBy::Country] {
        let revenue = t.api.revenue(&mut t.cx(), by).await.unwrap();
        let net = revenue.totals.iter().map(|total| total.net);
        let expected = (!revenue.rows.is_empty()).then_some(Money::new(captured, Money::GBP));
        assert!(net.eq(expected), "{captured} were captured: {revenue:?}");
    }
}

/// Units by product that the customer has.
fn units_of_customer(order: &Order) -> BTreeMap<ProductId, i64> {
    if order.status == OrderStatus::Failed {
        return BTreeMap::new();
    }
    let lines = order.lines.iter();
    let units = lines.map(|line| (line.product_id.unwrap(), line.quantity - line.returned));
    units.filter(|(_, units)| *units != 0).collect()
}

/// Ten-thousandths that the customer has paid and not got back.
fn amount_paid(order: &Order) -> i64 {
    match order.status {
        OrderStatus::Failed => 0,
        _ => order.total.ten_thousandths() - order.refunded.ten_thousandths(),
    }
}
