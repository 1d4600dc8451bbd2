//! Orders as rows. Takes a transaction or a read and decides nothing.

// Whole orders, and lists of them.
mod loading;
// The life of one order: written by the holder of its saga.
mod life;
// Sales that were made elsewhere, and what all sales come to.
mod revenue;
mod sales;

pub(crate) use self::life::{
    add_return, close, confirm, fail, order_of_cart, place, placed_under, returned_under, returns_so_far, take_back,
};
pub(crate) use self::loading::{ids, many, one};
pub(crate) use self::revenue::{add_credit, add_sale, revenue_by_country, revenue_by_month};
pub(crate) use self::sales::{add_lines_of_sales, add_sales, holders};

use offshoot_contract::{CallFailure, Currency};

/// The schema checks what is stored, so a failure means that it was bypassed.
fn currency(code: &str) -> Result<Currency, CallFailure> {
    code.parse()
        .map_err(|error| damaged("an order without a currency").caused_by(error))
}

fn damaged(what: &str) -> CallFailure {
    CallFailure::internal(format!("the orders' database holds {what}"))
}

fn number(stored: i64) -> Result<u32, CallFailure> {
    u32::try_from(stored).map_err(|error| damaged("a number that is out of range").caused_by(error))
}
