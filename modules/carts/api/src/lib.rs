//! The contract of the carts: all that others may see of them.
//!
//! Knows no database and no transport.

pub mod v1;

use offshoot_contract::{Entity, Id};

/// A shopper's cart. Only its ids are shared between versions of the contract.
#[derive(Debug)]
pub struct CartEntity;

impl Entity for CartEntity {
    const PREFIX: &'static str = "cart";
}

/// `cart_` and 26 characters.
pub type CartId = Id<CartEntity>;
