//! The contract of the orders: all that others may see of them.
//!
//! Knows no database and no transport.

pub mod v1;

use offshoot_contract::{Entity, Id};

/// What was bought. Only its ids are shared between versions of the contract.
#[derive(Debug)]
pub struct OrderEntity;

impl Entity for OrderEntity {
    const PREFIX: &'static str = "order";
}

/// `order_` and 26 characters.
pub type OrderId = Id<OrderEntity>;
