//! Orders as rows. Takes a transaction or a read and decides nothing.

// Whole orders, and lists of them.
mod loading;
// The life of one order: written under its lease.
mod life;
mod steps;
// Sales that were made elsewhere, and what all sales come to.
mod revenue;
mod sales;

pub(crate) use self::life::{
    Under, abandoned, add_return, confirm, end, fail, hand_over, held, order_of_cart, place, placed_under,
    returned_under, take_back, take_over,
};
pub(crate) use self::loading::{ids, many, one};
pub(crate) use self::revenue::{add_credit, add_sale, revenue_by_country, revenue_by_month};
pub(crate) use self::sales::{add_lines_of_sales, add_sales, holders};
pub(crate) use self::steps::{end_all_steps, end_steps, intend};

use offshoot_contract::{CallFailure, Currency};

/// The schema checks what is stored, so a failure means that it was bypassed.
fn currency(code: &str) -> Result<Currency, CallFailure> {
    code.parse()
        .map_err(|error| damaged("an order without a currency").caused_by(error))
}

fn damaged(what: &str) -> CallFailure {
    CallFailure::internal(format!("the orders' database holds {what}"))
}
