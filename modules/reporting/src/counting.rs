//! What is counted of an order. Knows no database; every function is pure.

use offshoot_contract::InvalidMoney;
use orders_api::v1::{LineNews, OrderNews, OrderStatus};

/// Amounts are in ten-thousandths of the order's currency.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Amounts {
    pub(crate) units: i64,
    pub(crate) gross: i64,
    pub(crate) refunded: i64,
}

/// What an order comes to.
#[derive(Debug, PartialEq)]
pub(crate) struct Counted {
    /// A credit note, which is no order.
    pub(crate) is_credit: bool,
    /// The whole.
    pub(crate) sum: Amounts,
    /// Each line, in the order of the order's.
    pub(crate) lines: Vec<Amounts>,
}

/// Nothing but itself is counted of an order that is not agreed, or never was. Fails where a sum fits into no amount.
pub(crate) fn count(order: &OrderNews) -> Result<Counted, InvalidMoney> {
    let is_agreed = matches!(order.status, OrderStatus::Confirmed | OrderStatus::Cancelled);
    let line = |line| {
        if is_agreed {
            of_line(line)
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
    Ok(Counted {
        is_credit: order.number.is_some() && order.lines.iter().all(|line| line.quantity < 0),
        sum: sum.ok_or(InvalidMoney::TooLarge)?,
        lines,
    })
}

fn of_line(line: &LineNews) -> Result<Amounts, InvalidMoney> {
    let total = line.line_total.ten_thousandths();
    if line.quantity < 0 {
        return Ok(Amounts {
            units: line.quantity,
            gross: 0,
            refunded: total.checked_neg().ok_or(InvalidMoney::TooLarge)?,
        });
    }
    // A line's total is so many times a price, so this is exact. No line is of nothing.
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

    fn order(status: OrderStatus, lines: &[(i64, i64, i64)]) -> OrderNews {
        let time = Timestamp::from_micros(0).expect("a time");
        let line = |&(quantity, returned, total): &(i64, i64, i64)| LineNews {
            product_id: None,
            sku: "A".to_owned(),
            quantity,
            returned,
            line_total: pounds(total),
        };
        OrderNews {
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
    fn what_came_back_is_taken_at_the_price_of_its_line() {
        let counted = count(&order(OrderStatus::Confirmed, &[(3, 1, 76_500), (2, 0, 10)])).expect("it fits");
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
    fn what_was_never_agreed_comes_to_nothing() {
        for status in [OrderStatus::Pending, OrderStatus::Failed] {
            let counted = count(&order(status, &[(3, 0, 76_500)])).expect("it fits");
            assert_eq!(counted.sum, Amounts::default());
        }
    }

    #[test]
    fn a_credit_note_gives_back() {
        let mut note = order(OrderStatus::Confirmed, &[(-2, 0, -20_000)]);
        note.number = Some("C1".to_owned());
        let counted = count(&note).expect("it fits");
        let sum = Amounts {
            units: -2,
            gross: 0,
            refunded: 20_000,
        };
        assert_eq!((counted.sum, counted.is_credit), (sum, true));
    }

    #[test]
    fn a_sum_that_does_not_fit_is_told() {
        let lines = [(1, 0, i64::MAX), (1, 0, 1)];
        assert_eq!(
            count(&order(OrderStatus::Confirmed, &lines)),
            Err(InvalidMoney::TooLarge)
        );
    }
}
