//! Units and amounts that reports count per order and line. Must not know the database; every function is pure.

use offshoot_contract::InvalidMoney;
use orders_api::v1::{OrderLineSnapshot, OrderSnapshot, OrderStatus};

/// Units and amounts of an order or line. Amounts are ten-thousandths of the order's currency.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Amounts {
    pub(crate) units: i64,
    pub(crate) gross: i64,
    pub(crate) refunded: i64,
}

/// Units and amounts of an order.
#[derive(Debug, PartialEq)]
pub(crate) struct CountedOrder {
    /// Whether this is a credit note. Credit notes are not counted as orders.
    pub(crate) is_credit: bool,
    /// Sum of all lines.
    pub(crate) sum: Amounts,
    /// Amounts per line, in the order of the order lines.
    pub(crate) lines: Vec<Amounts>,
}

/// Counts an order. Only confirmed orders, and orders cancelled after the confirmation, have units and amounts. Fails
/// if a sum is out of range.
pub(crate) fn count_order(order: &OrderSnapshot) -> Result<CountedOrder, InvalidMoney> {
    let was_confirmed = matches!(order.status, OrderStatus::Confirmed | OrderStatus::Cancelled);
    let line = |line| {
        if was_confirmed {
            count_line(line)
        } else {
            Ok(Amounts::default())
        }
    };
    let lines: Vec<Amounts> = order.lines.iter().map(line).collect::<Result<_, _>>()?;
    let sum = lines.iter().try_fold(Amounts::default(), |sum, line| {
        Some(Amounts {
            units: sum.units.checked_add(line.units)?,
            gross: sum.gross.checked_add(line.gross)?,
            refunded: sum.refunded.checked_add(line.refunded)?,
        })
    });
    Ok(CountedOrder {
        is_credit: order.number.is_some() && order.lines.iter().all(|line| line.quantity < 0),
        sum: sum.ok_or(InvalidMoney::TooLarge)?,
        lines,
    })
}

fn count_line(line: &OrderLineSnapshot) -> Result<Amounts, InvalidMoney> {
    let total = line.line_total.ten_thousandths();
    if line.quantity < 0 {
        return Ok(Amounts {
            units: line.quantity,
            gross: 0,
            refunded: total.checked_neg().ok_or(InvalidMoney::TooLarge)?,
        });
    }
    // The total of a line is a multiple of the quantity, so the division is exact. No line has quantity 0.
    let price = total.checked_div(line.quantity).unwrap_or(0);
    Ok(Amounts {
        units: line.quantity - line.returned,
        gross: total,
        refunded: price.checked_mul(line.returned).ok_or(InvalidMoney::TooLarge)?,
    })
}

#[cfg(test)]
mod tests {
    use offshoot_contract::{Money, Timestamp};
    use orders_api::OrderId;

    use super::*;

    fn pounds(ten_thousandths: i64) -> Money {
        Money::new(ten_thousandths, Money::GBP)
    }

    fn order(status: OrderStatus, lines: &[(i64, i64, i64)]) -> OrderSnapshot {
        let time = Timestamp::from_micros(0).expect("the time is in range");
        let line = |&(quantity, returned, total): &(i64, i64, i64)| OrderLineSnapshot {
            product_id: None,
            sku: "A".to_owned(),
            quantity,
            returned,
            line_total: pounds(total),
        };
        OrderSnapshot {
            order_id: OrderId::new(time),
            status,
            number: None,
            customer: String::new(),
            country: String::new(),
            total: pounds(0),
            refunded: pounds(0),
            lines: lines.iter().map(line).collect(),
            placed_at: time,
            at: time,
        }
    }

    #[test]
    fn returned_units_are_refunded_at_the_unit_price_of_the_line() {
        let counted =
            count_order(&order(OrderStatus::Confirmed, &[(3, 1, 76_500), (2, 0, 10)])).expect("the sum is in range");
        let first = Amounts {
            units: 2,
            gross: 76_500,
            refunded: 25_500,
        };
        let sum = Amounts {
            units: 4,
            gross: 76_510,
            refunded: 25_500,
        };
        assert_eq!((counted.lines[0], counted.sum, counted.is_credit), (first, sum, false));
    }

    #[test]
    fn unconfirmed_orders_have_no_units_or_amounts() {
        for status in [OrderStatus::Pending, OrderStatus::Failed] {
            let counted = count_order(&order(status, &[(3, 0, 76_500)])).expect("the sum is in range");
            assert_eq!(counted.sum, Amounts::default());
        }
    }

    #[test]
    fn a_credit_note_counts_as_a_refund() {
        let mut note = order(OrderStatus::Confirmed, &[(-2, 0, -20_000)]);
        note.number = Some("C1".to_owned());
        let counted = count_order(&note).expect("the sum is in range");
        let sum = Amounts {
            units: -2,
            gross: 0,
            refunded: 20_000,
        };
        assert_eq!((counted.sum, counted.is_credit), (sum, true));
    }

    #[test]
    fn a_sum_out_of_range_is_an_error() {
        let lines = [(1, 0, i64::MAX), (1, 0, 1)];
        assert_eq!(
            count_order(&order(OrderStatus::Confirmed, &lines)),
            Err(InvalidMoney::TooLarge)
        );
    }
}
