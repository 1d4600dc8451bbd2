//! Drafts an order from a cart and the customer's contact data.

use std::time::Duration;

use carts_api::v1::Cart;
use catalog_api::v1::ProductStatus;
use offshoot_contract::{CallFailure, FailureKind, Money, Timestamp};
use orders_api::OrderId;
use orders_api::v1::{MAX_EMAIL_BYTES, MAX_NAME_CHARS, OrderStatus, OrdersError, UNSPECIFIED_COUNTRY};

use crate::domain::{Order, OrderLine};

/// Greatest age of the prices of an order while the catalog is unavailable. A quarter of an hour outlasts a restart of
/// the catalog and a move to another machine.
pub(crate) const MAX_PRICE_AGE: Duration = Duration::from_secs(15 * 60);

/// The validated customer of an order.
pub(crate) struct Contact {
    email: String,
    country: String,
}

/// Validates e-mail address and country. Fails with `InvalidCheckout`.
pub(crate) fn validate_contact(email: &str, country: Option<&str>) -> Result<Contact, OrdersError> {
    let invalid = |field: &str, reason: String| OrdersError::InvalidCheckout {
        field: field.to_owned(),
        reason,
    };
    let email = email.trim();
    let is_address = email.split_once('@').is_some_and(|(name, host)| {
        !name.is_empty() && !host.is_empty() && !host.contains('@') && !email.contains(char::is_whitespace)
    });
    if !is_address || email.len() > MAX_EMAIL_BYTES || email.contains(char::is_control) {
        let reason =
            format!("is not a valid e-mail address of at most {MAX_EMAIL_BYTES} bytes, such as ada@example.com");
        return Err(invalid("email", reason));
    }
    let country = country.unwrap_or(UNSPECIFIED_COUNTRY).trim();
    if !is_name(country) {
        let reason = format!("is not a valid name of 1 to {MAX_NAME_CHARS} characters");
        return Err(invalid("country", reason));
    }
    Ok(Contact {
        email: email.to_owned(),
        country: country.to_owned(),
    })
}

/// Whether a text is a valid name of a country or a customer.
pub(crate) fn is_name(text: &str) -> bool {
    (1..=MAX_NAME_CHARS).contains(&text.chars().count()) && !text.contains(char::is_control)
}

/// Drafts the order of a cart. Fails with `EmptyCart` or `NotForSale`, and as a `dependency` if the cart's prices are
/// too old.
pub(crate) fn draft_order(cart: Cart, contact: Contact, now: Timestamp) -> Result<Order, OrdersError> {
    if let Some(as_of) = cart.prices_as_of
        && as_of.plus(MAX_PRICE_AGE) < now
    {
        let message = format!(
            "the catalog is unavailable, and the prices of {} date from {as_of}: try again later",
            cart.id
        );
        // A failure of another module: callers must not count the failure against the orders module.
        let kind = FailureKind::Dependency {
            module: "carts".to_owned(),
            method: "cart".to_owned(),
            cause: "unavailable".to_owned(),
        };
        return Err(CallFailure::not_executed(kind, message).into());
    }
    if cart.lines.is_empty() {
        return Err(OrdersError::EmptyCart { id: cart.id });
    }
    let mut lines = Vec::with_capacity(cart.lines.len());
    for (line, number) in cart.lines.into_iter().zip(1..) {
        let for_sale = line.status == ProductStatus::Active && line.line_total.currency() == cart.total.currency();
        if !for_sale {
            return Err(OrdersError::NotForSale {
                product_id: line.product_id,
            });
        }
        lines.push(OrderLine {
            number,
            product_id: line.product_id,
            sku: line.sku,
            name: line.name,
            quantity: line.quantity,
            returned: 0,
            unit_price: line.unit_price,
            line_total: line.line_total,
        });
    }
    Ok(Order {
        id: OrderId::new(now),
        cart_id: cart.id,
        status: OrderStatus::Pending,
        failure: None,
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
