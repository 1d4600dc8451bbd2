//! Contract of the orders module: the only part of the module that other modules may use.
//!
//! Knows no database and no transport.

pub mod v1;

use offshoot_contract::{Entity, Id};

/// Entity of order ids. All versions of the contract share the id type.
#[derive(Debug)]
pub struct OrderEntity;

impl Entity for OrderEntity {
    const PREFIX: &'static str = "order";
}

/// Id of an order: `order_` and 26 characters.
pub type OrderId = Id<OrderEntity>;
