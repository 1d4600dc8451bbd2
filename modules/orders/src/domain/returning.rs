//! Validates returns and cancellations, and applies them to the order.

use std::collections::BTreeSet;

use offshoot_contract::{Money, Timestamp};
use orders_api::v1::{OrderStatus, OrdersError, Return, ReturnedLine};

use crate::domain::{AnyOrder, Order, RecordedSale};

/// The order of a checkout. Fails with `SoldElsewhere` for a recorded sale.
pub(crate) fn require_placed(order: AnyOrder) -> Result<Order, OrdersError> {
    match order {
        AnyOrder::Placed(order) => Ok(order),
        AnyOrder::Recorded(RecordedSale { id, number, .. }) => Err(OrdersError::SoldElsewhere { id, number }),
    }
}

/// Checks that an order permits returns. Fails with `NotConfirmed`.
pub(crate) fn require_confirmed(order: &Order) -> Result<(), OrdersError> {
    if order.status == OrderStatus::Confirmed {
        return Ok(());
    }
    Err(OrdersError::NotConfirmed {
        id: order.id,
        is: order.status,
    })
}

/// A return of some of an order's units. Fails with `InvalidReturn`.
pub(crate) fn new_return(order: &Order, lines: Vec<ReturnedLine>, at: Timestamp) -> Result<Return, OrdersError> {
    let invalid = |field: String, reason: String| OrdersError::InvalidReturn { field, reason };
    if lines.is_empty() {
        return Err(invalid(
            "lines".to_owned(),
            "is empty: name at least one line to return".to_owned(),
        ));
    }
    let mut seen = BTreeSet::new();
    for (index, returned) in lines.iter().enumerate() {
        let field = |name: &str| format!("lines[{index}].{name}");
        let Some(line) = order.line(returned.line) else {
            let reason = format!(
                "the order has no line {}: its lines are 1 to {}",
                returned.line,
                order.lines.len()
            );
            return Err(invalid(field("line"), reason));
        };
        if !seen.insert(returned.line) {
            let reason = format!("line {} appears twice", returned.line);
            return Err(invalid(field("line"), reason));
        }
        let left = line.left();
        if returned.quantity == 0 || returned.quantity > left {
            let reason = format!(
                "{} units cannot be returned: {left} of {} are left",
                returned.quantity, line.quantity
            );
            return Err(invalid(field("quantity"), reason));
        }
    }
    Ok(build_return(order, lines, false, at))
}

/// A return of all remaining units.
pub(crate) fn new_cancellation(order: &Order, at: Timestamp) -> Return {
    let lines = order.lines.iter().filter(|line| line.left() > 0);
    let left = lines.map(|line| ReturnedLine {
        line: line.number,
        quantity: line.left(),
    });
    build_return(order, left.collect(), true, at)
}

/// Builds a return. The sum cannot overflow, because the amounts are parts of the order's total.
fn build_return(order: &Order, lines: Vec<ReturnedLine>, cancellation: bool, at: Timestamp) -> Return {
    let amount = |returned: &ReturnedLine| {
        let line = order.line(returned.line)?;
        Some(line.unit_price.ten_thousandths() * i64::from(returned.quantity))
    };
    let refund = lines.iter().filter_map(amount).sum();
    Return {
        number: u32::try_from(order.returns.len()).unwrap_or(u32::MAX).saturating_add(1),
        lines,
        refund: Money::new(refund, order.total.currency()),
        cancellation,
        at,
    }
}

/// The order after a return.
pub(crate) fn with_return(mut order: Order, new_return: Return) -> Order {
    for returned in &new_return.lines {
        if let Some(line) = order.lines.iter_mut().find(|line| line.number == returned.line) {
            line.returned += returned.quantity;
        }
    }
    order.refunded = Money::new(
        order.refunded.ten_thousandths() + new_return.refund.ten_thousandths(),
        order.refunded.currency(),
    );
    if new_return.cancellation {
        order.status = OrderStatus::Cancelled;
    }
    order.updated_at = new_return.at;
    order.returns.push(new_return);
    order
}

#[cfg(test)]
pub(crate) mod tests {
    use carts_api::CartId;
    use catalog_api::ProductId;
    use orders_api::OrderId;

    use super::*;
    use crate::domain::OrderLine;

    pub(crate) fn now() -> Timestamp {
        "2026-01-01T00:00:00Z".parse().expect("a valid time")
    }

    fn pounds(amount: &str) -> Money {
        Money::parse(amount, Money::GBP).expect("a valid amount")
    }

    /// A confirmed order with these quantities and prices.
    pub(crate) fn order(lines: &[(u32, &str)]) -> Order {
        let line = |(number, (quantity, price)): (u32, &(u32, &str))| OrderLine {
            number,
            product_id: ProductId::new(now()),
            sku: "A".to_owned(),
            name: "A".to_owned(),
            quantity: *quantity,
            returned: 0,
            unit_price: pounds(price),
            line_total: pounds(price)
                .checked_mul(i64::from(*quantity))
                .expect("the amount fits"),
        };
        let lines: Vec<_> = (1..).zip(lines).map(line).collect();
        let total = lines.iter().map(|line| line.line_total.ten_thousandths()).sum();
        Order {
            id: OrderId::new(now()),
            cart_id: CartId::new(now()),
            status: OrderStatus::Confirmed,
            failure: None,
            customer: "ada@example.com".to_owned(),
            country: "France".to_owned(),
            lines,
            total: Money::new(total, Money::GBP),
            refunded: Money::new(0, Money::GBP),
            returns: Vec::new(),
            open_steps: Vec::new(),
            placed_at: now(),
            updated_at: now(),
        }
    }

    pub(crate) fn line(line: u32, quantity: u32) -> ReturnedLine {
        ReturnedLine { line, quantity }
    }

    #[test]
    fn partial_returns_and_a_cancellation_refund_the_total() {
        let order = order(&[(3, "0.001"), (5, "2.55")]);
        let parts = [vec![line(1, 1)], vec![line(2, 4), line(1, 1)]];
        let mut left = order.clone();
        for (part, refund) in parts.into_iter().zip(["0.001", "10.201"]) {
            let partial = new_return(&left, part, now()).expect("the units are left");
            assert_eq!(partial.refund, pounds(refund));
            left = with_return(left, partial);
        }
        let last = new_cancellation(&left, now());
        assert_eq!((last.number, last.lines.as_slice()), (3, &[line(1, 1), line(2, 1)][..]));
        let cancelled = with_return(left, last);
        assert_eq!(
            (cancelled.status, cancelled.refunded),
            (OrderStatus::Cancelled, order.total)
        );
        assert!(cancelled.lines.iter().all(|line| line.returned == line.quantity));
    }
}
