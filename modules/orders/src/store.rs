//! SQL of the orders module. Takes a transaction or a read, and decides nothing.

// Whole orders, and lists of orders.
pub(crate) mod loading;
// Changes of one order by the execution that holds the lease of its saga.
pub(crate) mod lifecycle;
// Recorded sales, and revenue.
pub(crate) mod revenue;
pub(crate) mod sales;

use offshoot_contract::CallFailure;

fn damaged(finding: &str) -> CallFailure {
    CallFailure::internal(format!("the orders' database holds {finding}"))
}

fn to_u32(stored: i64) -> Result<u32, CallFailure> {
    u32::try_from(stored).map_err(|error| damaged("a number that is out of range").caused_by(error))
}
