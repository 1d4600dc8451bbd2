//! Contract of the carts module. Other modules may depend on this crate only.
//!
//! Must not know the database or the transport.

pub mod v1;

use offshoot_contract::{Entity, Id};

/// Marks ids of carts. All major versions of the contract share the id type, and nothing else.
#[derive(Debug)]
pub struct CartEntity;

impl Entity for CartEntity {
    const PREFIX: &'static str = "cart";
}

/// Cart id: `cart_` followed by 26 characters.
pub type CartId = Id<CartEntity>;
