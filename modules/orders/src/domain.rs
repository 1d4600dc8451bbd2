//! What an order is made of, and what may come back of it. Knows no database and no other module's state; every
//! function is pure.

use std::collections::BTreeSet;
use std::time::Duration;

use carts_api::v1::Cart;
use catalog_api::v1::ProductStatus;
use offshoot_contract::{CallFailure, FailureKind, Money, Timestamp};
use orders_api::OrderId;
use orders_api::v1::{
    MAX_EMAIL_BYTES, MAX_NAME_CHARS, Order, OrderLine, OrderStatus, OrdersError, Return, ReturnedLine,
    UNSPECIFIED_COUNTRY,
};

use crate::checkout::Purchase;

/// While the catalog is away, an order is agreed at the prices that it had announced, for so long: a quarter of an hour,
/// which outlasts its restart and its move to another machine.
pub(crate) const OLDEST_PRICES: Duration = Duration::from_secs(15 * 60);

/// Who buys.
pub(crate) struct Contact {
    email: String,
    country: String,
}

/// Fails with `InvalidCheckout`.
pub(crate) fn contact(purchase: &Purchase) -> Result<Contact, OrdersError> {
    let invalid = |field: &str, reason: String| OrdersError::InvalidCheckout {
        field: field.to_owned(),
        reason,
    };
    let email = purchase.email.trim();
    let good = email.split_once('@').is_some_and(|(name, host)| {
        !name.is_empty() && !host.is_empty() && !host.contains('@') && !email.contains(char::is_whitespace)
    });
    if !good || email.len() > MAX_EMAIL_BYTES || email.contains(char::is_control) {
        let reason = format!("is no e-mail address of at most {MAX_EMAIL_BYTES} bytes, such as ada@example.com");
        return Err(invalid("email", reason));
    }
    let country = purchase.country.as_deref().unwrap_or(UNSPECIFIED_COUNTRY).trim();
    if !is_name(country) {
        let reason = format!("is no name of 1 to {MAX_NAME_CHARS} characters");
        return Err(invalid("country", reason));
    }
    Ok(Contact {
        email: email.to_owned(),
        country: country.to_owned(),
    })
}

/// Whether a text can name a country or a customer.
pub(crate) fn is_name(text: &str) -> bool {
    (1..=MAX_NAME_CHARS).contains(&text.chars().count()) && !text.contains(char::is_control)
}

/// The order that a cart becomes. Fails with `EmptyCart` or `NotForSale`, and as a `dependency` where nobody can say
/// what the goods cost by now.
pub(crate) fn draft(cart: Cart, contact: Contact, now: Timestamp) -> Result<Order, OrdersError> {
    if let Some(as_of) = cart.prices_as_of
        && as_of.plus(OLDEST_PRICES) < now
    {
        let why = format!(
            "the catalog is away, and the prices of {} are those of {as_of}",
            cart.id
        );
        // Not our own trouble: who calls us need not leave us alone.
        let kind = FailureKind::Dependency {
            module: "carts".to_owned(),
            method: "cart".to_owned(),
        };
        return Err(CallFailure::not_executed(kind, why).into());
    }
    if cart.lines.is_empty() {
        return Err(OrdersError::EmptyCart { id: cart.id });
    }
    let mut lines = Vec::with_capacity(cart.lines.len());
    for (line, number) in cart.lines.into_iter().zip(1..) {
        let sold = line.status == ProductStatus::Active && line.line_total.currency() == cart.total.currency();
        if !sold {
            return Err(OrdersError::NotForSale {
                product_id: line.product_id,
            });
        }
        lines.push(OrderLine {
            number,
            product_id: Some(line.product_id),
            sku: line.sku,
            name: line.name,
            quantity: i64::from(line.quantity),
            returned: 0,
            unit_price: line.unit_price,
            line_total: line.line_total,
        });
    }
    Ok(Order {
        id: OrderId::new(now),
        status: OrderStatus::Pending,
        failure: None,
        number: None,
        cart_id: Some(cart.id),
        customer: contact.email,
        country: contact.country,
        lines,
        total: cart.total,
        refunded: Money::new(0, cart.total.currency()),
        returns: Vec::new(),
        open_steps: Vec::new(),
        placed_at: now,
        updated_at: now,
    })
}

/// Whether an order may be taken back at all. Fails with `NotConfirmed` or `SoldElsewhere`.
pub(crate) fn check_returnable(order: &Order) -> Result<(), OrdersError> {
    if let Some(number) = &order.number {
        return Err(OrdersError::SoldElsewhere {
            id: order.id,
            number: number.clone(),
        });
    }
    if order.status == OrderStatus::Confirmed {
        return Ok(());
    }
    Err(OrdersError::NotConfirmed {
        id: order.id,
        is: order.status,
    })
}

/// Some of an order's goods as a return. Fails with `InvalidReturn`.
pub(crate) fn partial_return(order: &Order, lines: Vec<ReturnedLine>, at: Timestamp) -> Result<Return, OrdersError> {
    let invalid = |field: String, reason: String| OrdersError::InvalidReturn { field, reason };
    if lines.is_empty() {
        return Err(invalid("lines".to_owned(), "names nothing that comes back".to_owned()));
    }
    let mut seen = BTreeSet::new();
    for (place, back) in lines.iter().enumerate() {
        let field = |name: &str| format!("lines[{place}].{name}");
        let Some(line) = order.lines.iter().find(|line| line.number == back.line) else {
            let reason = format!(
                "the order has no line {}: its lines are 1 to {}",
                back.line,
                order.lines.len()
            );
            return Err(invalid(field("line"), reason));
        };
        if !seen.insert(back.line) {
            return Err(invalid(field("line"), format!("line {} is named twice", back.line)));
        }
        let left = line.quantity - line.returned;
        if back.quantity == 0 || i64::from(back.quantity) > left {
            let reason = format!(
                "{} cannot come back: {left} of {} have not yet",
                back.quantity, line.quantity
            );
            return Err(invalid(field("quantity"), reason));
        }
    }
    Ok(give_back(order, lines, false, at))
}

/// All that has not come back yet.
pub(crate) fn cancellation(order: &Order, at: Timestamp) -> Return {
    let left = |line: &OrderLine| {
        let quantity = u32::try_from(line.quantity - line.returned).ok()?;
        (quantity > 0).then_some(ReturnedLine {
            line: line.number,
            quantity,
        })
    };
    give_back(order, order.lines.iter().filter_map(left).collect(), true, at)
}

/// The amounts are parts of a total that fits, so they fit.
fn give_back(order: &Order, lines: Vec<ReturnedLine>, cancellation: bool, at: Timestamp) -> Return {
    let amount = |back: &ReturnedLine| {
        let line = order.lines.iter().find(|line| line.number == back.line)?;
        Some(line.unit_price.ten_thousandths() * i64::from(back.quantity))
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

/// The order with a return that has been decided.
pub(crate) fn with_return(mut order: Order, back: Return) -> Order {
    for returned in &back.lines {
        if let Some(line) = order.lines.iter_mut().find(|line| line.number == returned.line) {
            line.returned += i64::from(returned.quantity);
        }
    }
    order.refunded = Money::new(
        order.refunded.ten_thousandths() + back.refund.ten_thousandths(),
        order.refunded.currency(),
    );
    if back.cancellation {
        order.status = OrderStatus::Cancelled;
    }
    order.updated_at = back.at;
    order.returns.push(back);
    order
}

#[cfg(test)]
mod tests {
    use carts_api::v1::CartLine;
    use catalog_api::ProductId;
    use payments_api::v1::PaymentToken;

    use super::*;
    use crate::return_saga::give_back;
    use crate::work::Work;

    fn now() -> Timestamp {
        "2026-01-01T00:00:00Z".parse().expect("a time")
    }

    fn pounds(amount: &str) -> Money {
        Money::parse(amount, Money::GBP).expect("an amount")
    }

    /// Of these quantities at these prices.
    fn order(lines: &[(u32, &str)]) -> Order {
        let line = |(quantity, price): &(u32, &str)| CartLine {
            product_id: ProductId::new(now()),
            sku: "A".to_owned(),
            name: "A".to_owned(),
            status: ProductStatus::Active,
            quantity: *quantity,
            unit_price: pounds(price),
            line_total: pounds(price).checked_mul(i64::from(*quantity)).expect("it fits"),
        };
        let lines: Vec<_> = lines.iter().map(line).collect();
        let total = lines.iter().map(|line| line.line_total.ten_thousandths()).sum();
        let cart = Cart {
            id: carts_api::CartId::new(now()),
            lines,
            total: Money::new(total, Money::GBP),
            prices_as_of: None,
            created_at: now(),
            expires_at: now(),
        };
        let purchase = Purchase {
            cart_id: cart.id,
            email: "ada@example.com".to_owned(),
            country: None,
            token: PaymentToken::new("tok_visa"),
        };
        let contact = contact(&purchase).expect("a good address");
        let draft = draft(cart, contact, now()).expect("a good cart");
        Order {
            status: OrderStatus::Confirmed,
            open_steps: Vec::new(),
            ..draft
        }
    }

    /// What its last return has to do elsewhere.
    fn steps_of(order: &Order) -> Vec<String> {
        let work = Work {
            order: order.clone(),
            token: None,
            number: order.returns.last().map(|back| back.number),
        };
        give_back(&work).names(0)
    }

    fn line(line: u32, quantity: u32) -> ReturnedLine {
        ReturnedLine { line, quantity }
    }

    #[test]
    fn whatever_comes_back_first_all_that_was_paid_is_given_back() {
        let order = order(&[(3, "0.001"), (5, "2.55")]);
        let parts = [vec![line(1, 1)], vec![line(2, 4), line(1, 1)]];
        let mut left = order.clone();
        for (part, refund) in parts.into_iter().zip(["0.001", "10.201"]) {
            let back = partial_return(&left, part, now()).expect("it is there");
            assert_eq!(back.refund, pounds(refund));
            left = with_return(left, back);
        }
        let back = cancellation(&left, now());
        assert_eq!((back.number, back.lines.as_slice()), (3, &[line(1, 1), line(2, 1)][..]));
        let cancelled = with_return(left, back);
        assert_eq!(
            (cancelled.status, cancelled.refunded),
            (OrderStatus::Cancelled, order.total)
        );
        assert!(cancelled.lines.iter().all(|line| line.returned == line.quantity));
        assert_eq!(steps_of(&cancelled), ["refund-3", "restock-3"]);
    }

    #[test]
    fn what_gives_nothing_back_has_nothing_to_do_elsewhere() {
        let order = order(&[(1, "2.55")]);
        let returned = with_return(order.clone(), cancellation(&order, now()));
        let nothing = with_return(returned.clone(), cancellation(&returned, now()));
        assert_eq!(steps_of(&nothing), [""; 0]);
        let free = Return {
            lines: vec![line(1, 1)],
            ..cancellation(&returned, now())
        };
        assert_eq!(steps_of(&with_return(returned, free)), ["restock-2"]);
    }
}
